"""Programmes, to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import F
from rest_framework import serializers
from rest_framework.request import Request

from adoption.selectors.programmes import programmes_visible_to
from portal.api.schema import operation, page_of
from portal.api.views import ApiView, NoFilters, list_response, read_query


class ProgrammeSerializer(serializers.Serializer[Any]):
    """An AI adoption programme."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    owner = serializers.CharField(help_text="Sign-in name of the person who answers for it.")
    currency = serializers.CharField(help_text="ISO 4217 code in which it reports.")
    time_zone = serializers.CharField(help_text="IANA name; its days are cut there.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True, help_text="Exclusive.")
    fiscal_year_start_month = serializers.IntegerField()


_FIELDS = ("slug", "name", "currency", "time_zone", "starts_on", "ends_on",
           "fiscal_year_start_month")  # fmt: skip


class ProgrammesView(ApiView):
    """All programmes that the caller may see."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read"}
    ordering: ClassVar[tuple[str, ...]] = ("name", "id")

    @operation(
        "programmes_list",
        "List programmes by name",
        tag="Organisation",
        answer=page_of(ProgrammeSerializer),
        query=NoFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        read_query(request, NoFilters)
        rows = programmes_visible_to(request.user).values(
            "id", *_FIELDS, owner_name=F("owner__username")
        )
        return list_response(
            request,
            rows,
            lambda found: [
                {name: row[name] for name in _FIELDS} | {"owner": row["owner_name"]}
                for row in found
            ],
            ordering=self.ordering,
        )
