"""Teams, to read. Who is in them, and how many, is told nowhere here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import F
from rest_framework import serializers
from rest_framework.request import Request

from adoption.selectors.teams import teams_visible_to
from portal.api.schema import operation, page_of
from portal.api.views import ApiView, NoFilters, list_response, read_query


class TeamSerializer(serializers.Serializer[Any]):
    """A node of the organisation tree."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    parent = serializers.SlugField(allow_null=True)  # type: ignore[assignment]


class TeamsView(ApiView):
    """All teams that the caller may see."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read"}
    ordering: ClassVar[tuple[str, ...]] = ("name", "id")

    @operation(
        "teams_list",
        "List teams by name",
        tag="Organisation",
        answer=page_of(TeamSerializer),
        query=NoFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        read_query(request, NoFilters)
        rows = teams_visible_to(request.user).values(
            "id", "slug", "name", parent_slug=F("parent__slug")
        )
        return list_response(
            request,
            rows,
            lambda found: [
                {"slug": row["slug"], "name": row["name"], "parent": row["parent_slug"]}
                for row in found
            ],
            ordering=self.ordering,
        )
