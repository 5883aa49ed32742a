"""Two sources of the story that bring what the bill brings: one said so, one only looks like it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing.services.overlaps import OverlapDraft, declare_overlap
from portal.models import Connection, User
from portal.services.connections import create_connection
from portal.shell.periods import Month
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.browser.story_bills import LONG, bill_rows, import_files

_DAYS = 9


def make_overlaps(
    *, now: dt.datetime, viewer: User, connection: Connection, **_: Any
) -> dict[str, Any]:
    """Both estimate the newest days of the bill, a quarter dearer."""
    rows = [
        {**row, "BilledCost": str(float(row["BilledCost"]) * 1.25), "BillingAccountId": "gateway"}
        for row in bill_rows(now)[-3 * _DAYS :]
    ]
    made = []
    for slug, name in (("gateway", f"Gateway {LONG}"), ("telemetry", "Telemetry of agents")):
        source = create_connection(
            slug=slug, source="focus", name=name, config={"cost_basis": "estimated"}, at=now,
            actor=viewer,
        )  # fmt: skip
        own = [row | {"BillingAccountId": slug} for row in rows]
        import_files(source, now, viewer, {slug: csv_bytes(own)})
        made.append(source)
    first = Month.of((now - dt.timedelta(days=_DAYS)).date())
    reason = f"It calls with the keys of the bill: {LONG}"
    draft = OverlapDraft(counted=connection, other=made[0], first=first, reason=reason)
    overlap = declare_overlap(draft=draft, actor=viewer, at=now)
    return {"overlap": overlap}
