"""Snapshots, to fetch and to check."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404, HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.models import Snapshot
from adoption.policies import may_see_registry
from adoption.selectors.snapshots import file_of, snapshot_for_page, snapshots_visible_to
from portal.api.etags import matches
from portal.api.schema import operation, page_of, path_id
from portal.api.views import ApiView, NoFilters, address, list_response, read_query

TAG = "Snapshots"
# What has a number never changes, so whoever has it need not ask again.
FOR_EVER = "private, max-age=31536000, immutable"


class SnapshotSerializer(serializers.Serializer[Any]):
    """One snapshot, without its values."""

    number = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the document, in canonical JSON.")
    previous_sha256 = serializers.CharField(
        allow_null=True, help_text="Of the snapshot before it; null of the first."
    )
    published_at = serializers.DateTimeField()
    values = serializers.IntegerField()
    dashboards = serializers.IntegerField()
    key_number = serializers.IntegerField()
    public_key = serializers.CharField(help_text="Ed25519, 32 bytes in hexadecimal digits.")
    url = serializers.URLField(help_text="The signed file.")


class SignedSnapshotSerializer(serializers.Serializer[Any]):
    """The signed file: canonical JSON in one line. Check it with `verify_snapshot.py`."""

    format = serializers.CharField()
    document = serializers.DictField(
        help_text="number, previous_sha256, published_at, key, definitions, values, dashboards."
    )
    sha256 = serializers.CharField()
    signature = serializers.CharField(help_text="Ed25519, in hexadecimal digits.")


def _present(request: Request, row: Snapshot) -> dict[str, Any]:
    return {
        "number": row.number,
        "sha256": row.sha256,
        "previous_sha256": row.previous_sha256 or None,
        "published_at": row.published_at,
        "values": row.value_count,
        "dashboards": row.dashboard_count,
        "key_number": row.key_number,
        "public_key": row.public_key,
        "url": address(request, "api-snapshot", row.number),
    }


class SnapshotsView(ApiView):
    """All snapshots, newest first."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "snapshots_list",
        "List snapshots, newest first",
        tag=TAG,
        answer=page_of(SnapshotSerializer),
        query=NoFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        read_query(request, NoFilters)
        return list_response(
            request,
            snapshots_visible_to(request.user),
            lambda found: [_present(request, row) for row in found],
            ordering=("-number",),
        )


class SnapshotView(ApiView):
    """One signed file, byte for byte."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "snapshot_read",
        "Fetch a signed snapshot",
        tag=TAG,
        description="Exactly the bytes that were signed and hashed: keep them as they are. A "
        "snapshot never changes, so the answer may be kept for ever.",
        answer=SignedSnapshotSerializer,
        parameters=[path_id("number", "The snapshot.")],
        found_by_path=True,
    )
    def get(self, request: Request, number: int) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        # The hash first: who has the file already is told so without reading it.
        known = snapshots_visible_to(request.user).filter(number=number).only("sha256").first()
        if known is None:
            raise Http404
        headers = {"ETag": f'"{known.sha256}"', "Cache-Control": FOR_EVER}
        if matches(request, headers["ETag"]):
            return HttpResponse(status=304, headers=headers)
        found = snapshot_for_page(request.user, number)
        if found is None:
            raise Http404
        return HttpResponse(file_of(found), content_type="application/json", headers=headers)
