"""Dashboards and snapshots of the story: one approved with every kind of tile, one draft."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.services.dashboards import create_dashboard
from adoption.services.snapshot_heads import export_heads
from adoption.services.snapshots import publish_snapshot
from portal.models import User
from tests.adoption.served import (
    SPACE,
    definition,
    make_dashboard,
    make_value,
    make_version,
    registered,
    submit,
)
from tests.approving import approve
from tests.browser.story_bills import LONG, UNBROKEN


def make_boards(*, now: dt.datetime, viewer: User, use_case: Any, **_: Any) -> Any:
    """Four metrics with seven windows, one of them missing, and what is made of them."""
    at = now - dt.timedelta(hours=2)
    kinds = [*SPACE, ("rework_share", SPACE[0][1])]
    definitions = [definition(key, dimension) for key, dimension in kinds]
    with registered(*definitions):
        versions = [
            make_version(metric, viewer, certified_until=now + dt.timedelta(days=90))
            for metric in definitions
        ]
        for place, version in enumerate(versions):
            for week in range(7):
                whole = 0 if week == 3 else 24
                facts = {"part": 5 + week * (place + 1), "whole": whole, "contributors": 19}
                make_value(version, use_case.pk, facts, week=week - 5)
        board = make_dashboard(use_case, versions, title=f"Board {LONG[:60]}")
        approve(submit(board, at=at))
        snapshot = publish_snapshot(at=at).snapshot
    export_heads()
    draft = create_dashboard(
        title=f"Draft {UNBROKEN[:80]}", purpose=LONG, milestone=board.milestone, actor=viewer,
        at=now,
    )  # fmt: skip
    return {"board": board, "draft_board": draft, "snapshot": {"number": snapshot.number}}
