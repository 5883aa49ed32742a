"""What a request about a rule would move: a panel of the page on which a second person decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from billing.approvals import RULE_KIND
from billing.choices import MatchField
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.closed_lines import newest_first
from billing.selectors.conditions import conditions_of
from billing.selectors.dry_runs import DryRun, dry_runs
from billing.selectors.rule_reach import Reach, reach_of
from billing.selectors.trials import match_of
from billing.services.rule_requests import AskedChange, asked_change
from billing.tables.allocation_rules import TakenTable
from billing.views.rule_editor import trial_of
from billing.views.rule_preview import closed_text, move_tables, negative_note
from portal.approvals.registry import SubjectGoneError
from portal.models import ApprovalRequest
from portal.policies import AnyUser
from portal.selectors.approvals import is_open
from portal.shell.panels import PanelContext
from portal.shell.periods import BadPeriodError, Month

_OF_PEOPLE = {MatchField.PRINCIPAL, MatchField.TEAM}


def rule_effect_panel(request: HttpRequest, asked: ApprovalRequest) -> PanelContext:
    """What an open request would move by now; None for other kinds and when it is over.

    Worked out anew each time: the decision is bound to the rule, and an import must not void it.
    """
    now = timezone.now()
    if asked.kind != RULE_KIND or not is_open(asked, at=now) or not may_see_costs(request.user):
        return None
    try:
        change = asked_change(asked.subject, asked.payload)
    except SubjectGoneError as error:
        return {"problem": str(error)}
    if not _may_see(request.user, change):
        return None
    return _effect(change, until=_until(request), at=now)


def _may_see(user: AnyUser, change: AskedChange) -> bool:
    """What a rule about one person takes is that person's cost: for those who see cost lines."""
    conditions = [
        *(change.draft.conditions if change.draft else ()),
        *(conditions_of(change.live) if change.live else ()),
    ]
    if any(each.field in _OF_PEOPLE for each in conditions):
        return may_see_charges(user)
    return may_see_costs(user)


def _until(request: HttpRequest) -> Month | None:
    try:
        return Month.parse(request.GET.get("until", ""))
    except BadPeriodError:
        return None


def _effect(change: AskedChange, *, until: Month | None, at: dt.datetime) -> dict[str, Any]:
    draft = trial_of(change.draft) if change.draft else None
    matches = [draft.match] if draft else []
    if change.live:
        matches.append(match_of(change.live))
    reach = reach_of(matches, until=until)
    found = dry_runs(
        months=reach.months,
        draft=draft,
        priority=change.draft.priority if change.draft else 0,
        replaces=change.live.pk if change.live else None,
    )
    return {
        "at": at,
        "is_end": draft is None,
        "months": reach.months,
        "taken": TakenTable.of(_taken_rows(found)),
        "moves": [
            (each.month, closed_text(each), table)
            for each, table in zip(found, move_tables(found), strict=True)
            if each.moves
        ],
        "negative_note": negative_note(found),
        "quiet": [each.month for each in found if not (each.taken or each.moves)],
        "until": until,
        **_closes(found, reach),
    }


def _closes(found: Sequence[DryRun], reach: Reach) -> dict[str, Any]:
    corrected = newest_first(close for each in found for close in each.corrected)
    untouched = {close for each in found for close in each.untouched}
    return {
        "corrected": corrected,
        "untouched": newest_first(untouched - {*corrected}),
        "rest": reach.rest,
        "closed_in_rest": reach.closed_in_rest,
    }


def _taken_rows(found: Sequence[DryRun]) -> list[dict[str, Any]]:
    return [
        {
            "month": each.month.label,
            "closed": closed_text(each),
            "lines": taken.lines,
            "billed_nano": taken.billed_nano,
            "effective_nano": taken.effective_nano,
            "currency": taken.kind.currency,
            "basis": taken.kind.basis_label,
        }
        for each in found
        for taken in each.taken
    ]
