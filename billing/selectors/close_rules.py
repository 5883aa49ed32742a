"""When a source is done with a month: the earliest moment at which its close may be asked for.

What each provider promises differs, so the rule belongs to the source and not to a fixed day of the
month. Where a provider promises nothing, the days are what was seen to move, rounded up.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from portal.shell.periods import Month


@dataclass(frozen=True, slots=True)
class FinalityRule:
    """A month is settled `days` after its end, and when it has been calm for `calm_days`.

    Attributes:
        days: full days (UTC) after the end of the month.
        calm_days: days without a revision of what had been imported; None where days alone say it.
        needs_invoice_id: every cost line must carry an invoice id.
        why: what people read.
    """

    days: int
    why: str
    calm_days: int | None = None
    needs_invoice_id: bool = False


_BY_INVOICE = FinalityRule(
    days=0,
    calm_days=14,
    needs_invoice_id=True,
    why="every line carries an invoice id and nothing was revised for 14 days",
)
# 35 days: what the slowest known provider may still restate.
UNKNOWN_SOURCE = FinalityRule(days=35, why="35 days after the month")
FINALITY_RULES: dict[str, FinalityRule] = {
    "anthropic": FinalityRule(days=35, why="35 days after the month"),
    "openai": FinalityRule(days=10, why="10 days after the month"),
    "aws": _BY_INVOICE,
    "focus": _BY_INVOICE,
    "github_copilot": FinalityRule(days=5, why="5 days after the month"),
    "cursor": FinalityRule(days=2, why="2 days after the cycle"),
    "kiro": FinalityRule(days=4, why="4 days after the month"),
    "litellm": FinalityRule(days=3, why="3 days after the month"),
    "openrouter": FinalityRule(days=7, why="7 days after the month"),
    "openclaw": FinalityRule(days=1, why="a day after the month"),
    "otel": FinalityRule(days=1, why="a day after the month"),
    "seats": FinalityRule(days=0, why="the end of the month"),
}


def rule_of(source: str) -> FinalityRule:
    """The rule of a source; the slowest one for a source that has none of its own."""
    return FINALITY_RULES.get(source, UNKNOWN_SOURCE)


def settled_from(
    rule: FinalityRule, month: Month, *, revised_at: dt.datetime | None
) -> dt.datetime:
    """The moment from which the month counts as settled.

    Args:
        revised_at: when something that had been imported before was revised last. A first reading
            is no revision; before the month's end everything moves.
    """
    end = dt.datetime.combine(month.end, dt.time(), tzinfo=dt.UTC)
    found = end + dt.timedelta(days=rule.days)
    if rule.calm_days is not None:
        calm_since = end if revised_at is None else max(end, revised_at)
        found = max(found, calm_since + dt.timedelta(days=rule.calm_days))
    return found
