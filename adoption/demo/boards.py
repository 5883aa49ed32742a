"""Dashboards and snapshots of the demo, made of whatever metrics are trusted by then."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from adoption.choices import TileKind
from adoption.metrics.dashboard_rules import FEWEST_DIMENSIONS
from adoption.models import Dashboard, Milestone
from adoption.selectors.dashboards import working_tiles
from adoption.selectors.served_values import Asked, ServedValue, code_of, served_values
from adoption.services.dashboard_approvals import (
    problems_of_working_copy,
    submit_dashboard,
)
from adoption.services.dashboards import add_tile, create_dashboard
from adoption.services.snapshots import publish_snapshot
from portal.choices import ApprovalOutcome
from portal.demo import DemoContext
from portal.services.approvals import decide

APPROVED_TITLE = "What the pilots delivered"
DRAFT_TITLE = "Next quarter, a first idea"
KINDS = (TileKind.NUMBER, TileKind.TREND, TileKind.DISTRIBUTION, TileKind.TABLE)


def build_boards(context: DemoContext) -> None:
    """One approved dashboard, one draft, one snapshot.

    Without trusted metrics of three dimensions there is nothing that somebody could approve; then
    both stay drafts, as they would in an organisation that has just begun.
    """
    context.say("Dashboards and a snapshot")
    milestone = Milestone.objects.order_by("due_on", "pk").last()
    if milestone is None:
        return
    served = served_values(since=context.first_month)
    if not Dashboard.objects.filter(title=APPROVED_TITLE).exists():
        board = _board(context, APPROVED_TITLE, milestone, _varied(served))
        if not problems_of_working_copy(board):
            _approve(context, board)
    if not Dashboard.objects.filter(title=DRAFT_TITLE).exists():
        _board(context, DRAFT_TITLE, milestone, _varied(served)[:1])
    publish_snapshot(at=timezone.now())


def _varied(served: dict[Asked, list[ServedValue]]) -> list[Asked]:
    """One scope of each metric, the one with most windows, those of new dimensions first."""
    best: dict[int, Asked] = {}
    for asked, values in sorted(served.items()):
        known = best.get(asked[0])
        if known is None or len(values) > len(served[known]):
            best[asked[0]] = asked
    seen: set[str] = set()
    first: list[Asked] = []
    later: list[Asked] = []
    for asked in best.values():
        version = served[asked][0].version
        metric = code_of(version.key, version.version)
        if metric is None or metric.windowed is None:
            continue
        is_new = metric.windowed.dimension not in seen
        seen.add(metric.windowed.dimension)
        (first if is_new else later).append(asked)
    return [*first, *later][: max(6, FEWEST_DIMENSIONS)]


def _board(
    context: DemoContext, title: str, milestone: Milestone, tiles: Sequence[Asked]
) -> Dashboard:
    board = create_dashboard(
        title=title, purpose="Whether the pilots go on in the next quarter.", milestone=milestone,
        actor=context.people["owner"], at=context.now,
    )  # fmt: skip
    for place, (version, kind, scope) in enumerate(tiles):
        board = add_tile(
            dashboard_id=board.pk, expected_version=board.version, version_id=version,
            scope_kind=kind, scope_id=scope, kind=KINDS[place % len(KINDS)],
            actor=board.owner, at=context.now,
        )  # fmt: skip
    return board


def _approve(context: DemoContext, board: Dashboard) -> None:
    request = submit_dashboard(
        dashboard_id=board.pk, expected_version=board.version,
        reason=f"{len(working_tiles(board))} tiles, looked at in the weekly meeting.",
        actor=board.owner, at=context.now,
    )  # fmt: skip
    decide(
        request_id=request.pk, approver=context.people["approver"],
        outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash,
        reason="The figures are those of the catalogue.", at=context.now,
    )  # fmt: skip
