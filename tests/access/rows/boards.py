"""Dashboards and snapshots."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from adoption.services.snapshot_heads import export_heads
from adoption.services.snapshots import publish_snapshot
from portal.choices import Role
from tests.access.matrix import EVERYBODY, Column, Door, Row, api, form, listing, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW, make_user
from tests.adoption.served import catalogue, make_dashboard, submit
from tests.approving import approve

OWN = only(Column.OWNER, Column.PROGRAMME_LEAD)
OTHERS = only(Column.OTHER_OWNER, Column.PROGRAMME_LEAD)
BOARD = {"slug": "board.slug"}
OTHER = {"slug": "other_board.slug"}
SNAPSHOT = {"number": "snapshot.number"}

ROWS = [
    listing("dashboard-list", EVERYBODY),
    form("dashboard-new", EVERYBODY),
    page("dashboard", EVERYBODY, values=BOARD),
    page("dashboard", EVERYBODY, values=OTHER, label="a draft"),
    *(
        form(f"dashboard-{name}", who, values=where, label=label, posted=posted)
        for name, posted in (("edit", 200), ("submit", 200), ("deprecate", 200))
        for who, where, label in ((OWN, BOARD, ""), (OTHERS, OTHER, "of the neighbour"))
    ),
    *(
        Row(
            "dashboard-build",
            {"GET": Door(who), "POST": Door(who, 400)},
            values=where,
            label=label,
            has_options=True,
        )
        for who, where, label in ((OWN, BOARD, ""), (OTHERS, OTHER, "of the neighbour"))
    ),
    page("dashboard-version", EVERYBODY, values={**BOARD, "number": "=1"}),
    page("dashboard-tile", EVERYBODY, values={**BOARD, "place": "=1"}),
    page("dashboard-print", EVERYBODY, values=BOARD),
    page("dashboard-embed", EVERYBODY, values=BOARD),
    page("dashboard-export", EVERYBODY, values=BOARD),
    listing("snapshot-list", EVERYBODY),
    page("snapshot", EVERYBODY, values=SNAPSHOT),
    page("snapshot-file", EVERYBODY, values=SNAPSHOT),
    page("snapshot-heads", EVERYBODY),
    page("snapshot-verifier", EVERYBODY),
    api("api-dashboard", get=Door(EVERYBODY), values=BOARD),
    api("api-snapshots", get=Door(EVERYBODY)),
    api("api-snapshot", get=Door(EVERYBODY), values=SNAPSHOT),
]
_BOARDS = "adoption.selectors.dashboards"
_SNAPSHOTS = "adoption.selectors.snapshots"
READERS = [
    Reader(f"{_BOARDS}:dashboards_visible_to", EVERYBODY),
    Reader(f"{_BOARDS}:dashboard_rows", EVERYBODY, arguments={"now": NOW}),
    Reader(
        f"{_BOARDS}:dashboard_for_page", EVERYBODY, arguments={"slug": "@board.slug", "now": NOW}
    ),
    Reader(f"{_SNAPSHOTS}:snapshots_visible_to", EVERYBODY),
    Reader(f"{_SNAPSHOTS}:snapshot_for_page", EVERYBODY, arguments={"number": "@snapshot.number"}),
]


def prepare(world: Any) -> None:
    """An approved dashboard of the owner, a draft of the neighbour, and a snapshot."""
    # What is served must not have expired today, whenever that is.
    at = timezone.now() - dt.timedelta(hours=1)
    with catalogue(world.case) as versions:
        board = make_dashboard(world.case, versions, title="Board")
        # Somebody else asks, so that the news of it is nobody's of the columns.
        approve(submit(board, at=at, actor=make_user(Role.PROGRAMME_LEAD)))
        snapshot = publish_snapshot(at=at).snapshot
    export_heads()
    other = make_dashboard(world.neighbour, [], title="Draft board")
    world.add(board=board, other_board=other, snapshot=snapshot)
