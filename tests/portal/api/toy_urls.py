"""A small API of the tests' own, below the real frame."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from portal.api.errors import CONFLICT, Problem
from portal.api.etags import required_version, stale, version_tag
from portal.api.idempotency import Answer, answer_once
from portal.api.views import (
    ApiView,
    conditional,
    list_response,
    read_body,
    read_query,
)
from portal.models import Connection
from portal.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class Line(serializers.Serializer[Any]):
    amount = serializers.IntegerField()


class Payload(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=10)
    lines = Line(many=True, required=False)
    id = serializers.IntegerField(read_only=True)


class Filters(serializers.Serializer[Any]):
    named = serializers.CharField(required=False)


class ThingsView(ApiView):
    """Lists connections and makes one for each POST."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    works: ClassVar[threading.Event | None] = None
    may_go_on: ClassVar[threading.Event | None] = None

    def get(self, request: Request) -> Any:
        query = read_query(request, Filters).validated_data
        rows = Connection.objects.values("id", "name", "source")
        if "named" in query:
            rows = rows.filter(name=query["named"])
        return list_response(request, rows, lambda found: found, ordering=("name", "id"))

    def post(self, request: Request) -> Any:
        data = read_body(request, Payload).validated_data
        return answer_once(request, lambda: self._make(data["name"]))

    def _make(self, name: str) -> Answer:
        from django.utils import timezone

        made = Connection.objects.create(
            slug=f"{name}-{Connection.objects.count()}",
            name=name,
            source="toy",
            kind="costs",
            created_at=timezone.now(),
        )
        if self.works is not None and self.may_go_on is not None:
            self.works.set()
            self.may_go_on.wait(20)
        if name == "conflict":
            raise Problem(CONFLICT, "Not now.")
        return Answer(201, {"id": made.pk}, {"Location": f"/api/v1/things/{made.pk}/"})


class ThingView(ApiView):
    """One governed thing at version 3."""

    def get(self, request: Request) -> Any:
        return conditional(request, version_tag(request, 3, "name"), lambda: {"id": 1})

    def patch(self, request: Request) -> Any:
        if required_version(request) != 3:
            raise stale()
        return conditional(request, version_tag(request, 4, "name"), lambda: {"id": 1})


class FailingView(ApiView):
    """Fails in the way its address says."""

    def get(self, request: Request, how: str) -> Any:
        if how == "throttled":
            raise Throttled(wait=7)
        raise RuntimeError("a secret from the inside")


toys = [
    path("things/", ThingsView.as_view()),
    path("things/1/", ThingView.as_view()),
    path("failing/<slug:how>/", FailingView.as_view()),
]
urlpatterns = [
    path("api/v1/", include(toys)),
    *urlpatterns,
]
