"""Publishing snapshots: freeze what is served, sign it, chain it, tell others."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from adoption.metrics.registry import metrics
from adoption.metrics.snapshot import (
    content_sha256,
    definition_entries,
    document_text,
    sha256_of,
    value_entry,
)
from adoption.models import Dashboard, Snapshot, SnapshotValue
from adoption.selectors.frozen_values import calculate_of, frozen_values
from adoption.selectors.served_values import Asked, ServedValue, served_values
from adoption.services.snapshot_heads import check_heads, export_heads
from portal.audit.signing import SNAPSHOT, public_key, sign
from portal.services.webhooks import publish
from portal.services.work import enqueue
from portal.webhooks.registry import WebhookEvent
from portal.work.registry import Work

log = structlog.get_logger(__name__)
PUBLISH_KIND = "adoption.publish-snapshot"
WINDOWS_OF_DAYS = 400  # how far back the windows of a snapshot reach
PUBLISHED = WebhookEvent(
    "snapshot.published",
    "Snapshot published",
    "When a snapshot of metric values is signed; data: number, sha256, previous_sha256, values, "
    "dashboards.",
)
_LOCK = 0x706C756D62736E61  # of no meaning but to be the same everywhere


@dataclass(frozen=True, slots=True)
class Published:
    """What one call did: the newest snapshot, and whether it was made by this call."""

    snapshot: Snapshot
    is_new: bool


def publish_snapshot(*, at: dt.datetime, even_if_unchanged: bool = False) -> Published:
    """Freeze and sign everything that is served now; what has not changed is not published again.

    The head is written outside the database once this is committed.

    Raises:
        UnrepeatableValueError: a stored value does not follow from its facts.
        SnapshotHeadMismatchError: the file of heads knows a newer snapshot than this database.
        portal.keys.MissingKeyError: there is no key to sign with.
    """
    with transaction.atomic():
        _one_at_a_time()
        check_heads()
        transaction.on_commit(lambda: export_heads() and None)
        values = _in_order(served_values(since=_since(at)))
        content = _content(values, at)
        sha256 = content_sha256(content)
        last = Snapshot.objects.order_by("-number").first()
        if last is not None and last.content_sha256 == sha256 and not even_if_unchanged:
            return Published(last, is_new=False)
        made = _sign(content, sha256, last, at)
        SnapshotValue.objects.bulk_create(
            SnapshotValue(snapshot=made, value_id=value.pk, position=position)
            for position, value in enumerate(values)
        )
        _tell(made, at)
    log.info("snapshot_published", number=made.number, sha256=made.sha256, values=len(values))
    return Published(made, is_new=True)


def _since(at: dt.datetime) -> dt.date:
    return (at - dt.timedelta(days=WINDOWS_OF_DAYS)).date()


def _in_order(served: Mapping[Asked, list[ServedValue]]) -> list[ServedValue]:
    """By metric, version, scope and window; not as a database sorts text, for they differ."""
    values = [value for each in served.values() for value in each]
    return sorted(
        values,
        key=lambda one: (
            one.version.key, one.version.version, one.scope, one.starts_on, one.ends_on
        ),
    )  # fmt: skip


def _one_at_a_time() -> None:
    """Two publishers would both follow the same snapshot; on SQLite there is one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _content(values: Sequence[ServedValue], at: dt.datetime) -> dict[str, Any]:
    frozen = frozen_values(values)
    labels = {metric.key: metric.label for metric in metrics}
    return {
        "definitions": definition_entries(frozen, labels),
        "values": [value_entry(each, calculate_of(each.metric, each.version)) for each in frozen],
        "dashboards": _dashboards(at),
    }


def _dashboards(at: dt.datetime) -> list[dict[str, Any]]:
    """The approved dashboards that have not expired, as they were approved."""
    rows = (
        Dashboard.objects.filter(status="approved", expires_at__gt=at)
        .select_related("approved_version")
        .order_by("slug")
    )
    return [
        {
            "slug": row.slug,
            "version": row.approved_version.number,
            "sha256": row.approved_version.sha256,
            "document": json.loads(row.approved_version.document),
        }
        for row in rows
        if row.approved_version is not None
    ]


def _sign(
    content: dict[str, Any], content_hash: str, last: Snapshot | None, at: dt.datetime
) -> Snapshot:
    keys = settings.AUDIT_KEYS
    key = public_key(keys, keys.newest, purpose=SNAPSHOT)
    number = last.number + 1 if last else 1
    previous = last.sha256 if last else ""
    text = document_text(
        content,
        number=number,
        previous_sha256=previous,
        published_at=at,
        key_number=keys.newest,
        public_key=key,
    )
    sha256 = sha256_of(text)
    key_number, signature = sign(keys, sha256, purpose=SNAPSHOT)
    return Snapshot.objects.create(
        number=number,
        document=text,
        sha256=sha256,
        previous_sha256=previous,
        content_sha256=content_hash,
        key_number=key_number,
        public_key=key,
        signature=signature,
        value_count=len(content["values"]),
        dashboard_count=len(content["dashboards"]),
        published_at=at,
    )


def _tell(made: Snapshot, at: dt.datetime) -> None:
    publish(
        event=PUBLISHED.key,
        event_id=uuid.uuid5(uuid.NAMESPACE_OID, made.sha256),
        data={
            "number": made.number,
            "sha256": made.sha256,
            "previous_sha256": made.previous_sha256 or None,
            "values": made.value_count,
            "dashboards": made.dashboard_count,
        },
        at=at,
    )


def ask_for_snapshot(*, at: dt.datetime) -> None:
    """Have one published soon, in the transaction of what calls for it and as its last write."""
    enqueue(kind=PUBLISH_KIND, key="newest", payload={}, actor=None, at=at)


def publish_by_work(work: Work) -> None:
    """The body of the work kind."""
    publish_snapshot(at=work.clock())
