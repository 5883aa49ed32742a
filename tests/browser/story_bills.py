"""The bills of the story, through the real import."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from billing.models import Charge
from portal.choices import RunTrigger
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, RejectedRow, User
from portal.services.connections import create_connection
from portal.services.imports import (
    Upload,
    discard_run,
    dismiss_row,
    repair_row,
    replay_run,
    request_import,
)
from tests.billing.sources.focus.focus_files import BASE_ROW, csv_bytes

LONG = "Antwortvorschläge für Lieferantenselbstauskunftsfragebögen_v2_final_wirklich_final.docx"
UNBROKEN = "arn:cloud:inference:eu-north-1:000123456789:application-inference-profile/q7x2k9" * 2
Row = dict[str, str]


def import_files(
    connection: Connection,
    now: dt.datetime,
    actor: User,
    contents: Mapping[str, bytes],
    *,
    is_waiting: bool = False,
    is_dry_run: bool = False,
) -> ImportRun:
    """Land files, by name, and import them unless the run is to wait."""
    ending = "jsonl" if connection.source == "git" else "csv"
    run = request_import(
        connection=connection,
        inputs=[Upload(f"{name}.{ending}", io.BytesIO(data)) for name, data in contents.items()],
        trigger=RunTrigger.UPLOAD,
        at=now,
        actor=actor,
        is_dry_run=is_dry_run,
    )
    return run if is_waiting else execute_run(run.pk, clock=timezone.now)


def make_bills(*, now: dt.datetime, viewer: User, **_: Any) -> dict[str, Any]:
    """Runs in every state, a revised day, bad rows decided in three ways, two currencies."""
    cloud, quiet, euros = _connections(now, viewer)
    rows = bill_rows(now)
    bad = [
        rows[-1] | {"ChargePeriodStart": each, "ResourceId": f"bad-{each[:4]}"}
        for each in ("soon" * 60, "never", "later")
    ]

    def bill(given: Sequence[Row], *, is_waiting: bool = False, is_dry: bool = False) -> ImportRun:
        files = {LONG[:60]: csv_bytes(given)}
        return import_files(cloud, now, viewer, files, is_waiting=is_waiting, is_dry_run=is_dry)

    runs = {"mixed": bill([*rows, *bad])}
    revised = [*rows[:-1], rows[-1] | {"BilledCost": "3.75"}]
    runs["revised"] = bill(revised)
    runs["refused"] = bill([rows[0], rows[1] | {"BilledCost": "1e400"}])
    runs["held"] = bill(bill_rows(now, scale=900))
    runs["dry"] = bill(revised, is_dry=True)
    runs["discarded"] = discard_run(
        run=bill(bill_rows(now, scale=700)), actor=viewer, at=timezone.now()
    )
    rejected = _decide(runs["mixed"], viewer, now)
    replay = replay_run(run=runs["mixed"], actor=viewer, at=now)
    runs["replayed"] = execute_run(replay.pk, clock=timezone.now)
    runs["waiting"] = bill(revised, is_waiting=True)
    euro_rows = [row | {"BillingCurrency": "EUR", "ProviderName": "Wolke"} for row in rows[-9:]]
    import_files(euros, now, viewer, {"wolke": csv_bytes(euro_rows)})
    fetched = create_connection(slug="fetched", source="anthropic", at=now, actor=viewer)
    return {
        "connection": cloud, "quiet": quiet, "fetched": fetched, "runs": runs, "rows": rejected,
        "charge": Charge.objects.filter(superseded_at=None, currency="USD").latest("day", "pk"),
        "month": f"{now - dt.timedelta(days=1):%Y-%m}",
    }  # fmt: skip


def _connections(now: dt.datetime, actor: User) -> list[Connection]:
    config = {"hold_jump_percent": 50, "hold_jump_floor": 100}
    return [
        create_connection(
            slug=slug, source="focus", name=name, config=config, at=now, actor=actor
        )
        for slug, name in (
            ("cloud", f"Cloud {LONG}"),
            ("quiet", "Nothing imported"),
            ("euros", "Euro bill"),
        )
    ]  # fmt: skip


def _decide(run: ImportRun, actor: User, now: dt.datetime) -> dict[str, RejectedRow]:
    """Leave the first bad row waiting, mend the second, dismiss the third."""
    waiting, mended, dismissed = RejectedRow.objects.filter(run=run).order_by("pk")
    text = mended.raw_text.replace("never", f"{(now - dt.timedelta(days=1)).date()}T00:00:00Z")
    repair_row(row=mended, text=text, reason="Seen in the console.", actor=actor, at=now)
    dismiss_row(row=dismissed, reason="A test line.", actor=actor, at=now)
    return {"waiting": waiting, "mended": mended, "dismissed": dismissed}


def bill_rows(now: dt.datetime, scale: int = 1) -> list[Row]:
    """Forty days up to yesterday: a tagged service a day, a shared one, and one with long names."""
    services = (
        ("Model Service", "triage", "model-1"),
        ("Gateway", "", "gateway"),
        (LONG, "triage", UNBROKEN),
    )
    rows = []
    for age in range(40, 0, -1):
        day = (now - dt.timedelta(days=age)).date()
        for number, (service, tag, resource) in enumerate(services):
            tags = f'{{"team": "core", "use_case": "{tag}"}}' if tag else "{}"
            rows.append(_row(day, f"{scale * (age + number)}.25", service, tags, resource))
    return rows


def _row(day: dt.date, cost: str, service: str, tags: str, resource: str) -> Row:
    month = day.replace(day=1)
    following = (month + dt.timedelta(days=32)).replace(day=1)
    return {
        **BASE_ROW,
        "BillingPeriodStart": f"{month}T00:00:00Z",
        "BillingPeriodEnd": f"{following}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day + dt.timedelta(days=1)}T00:00:00Z",
        "BilledCost": cost,
        "EffectiveCost": f"{float(cost) * 0.94:.6f}",
        "ServiceName": service,
        "ResourceId": resource,
        "SubAccountId": f"sub-{resource[:120]}",
        "SubAccountName": "Shared services" if tags == "{}" else LONG,
        "Tags": tags,
    }
