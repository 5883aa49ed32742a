"""How billing's states look: word, meaning, icon and tone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from billing.choices import (
    AnomalyState,
    BreakerState,
    BudgetThreshold,
    CloseState,
    CorrectionCause,
    MatchedBy,
    UnallocatedReason,
)
from portal.shell.statuses import (
    FIGURE_STATUSES,
    FigureStatus,
    Status,
    StatusVocabulary,
    Tone,
)


def _of_figures(key: str, meanings: Mapping[FigureStatus, str]) -> StatusVocabulary:
    """The words of every figure, with what they mean of this kind of money."""
    return StatusVocabulary(
        key,
        tuple(
            replace(FIGURE_STATUSES.get(word), meaning=meaning)
            for word, meaning in meanings.items()
        ),
    )


# What `billing.selectors.figures.status_of` says, in the order of how settled it is.
COST_STATUSES = _of_figures(
    "cost_status",
    {
        FigureStatus.ESTIMATED: "Its basis is estimated or derived, and no close has confirmed it.",
        FigureStatus.PROVISIONAL: "The month is still running, or it is over and the source may "
        "still change it.",
        FigureStatus.FINAL: "Every line is on an invoice, and nothing has changed for 14 days.",
        FigureStatus.RESTATED: "The source changed it after it was imported, or it moved after its "
        "month was closed; the old value is kept.",
        FigureStatus.CLOSED: "It ties to the invoice, and a second person has closed the month.",
        FigureStatus.STALE: "The month is still running, and its source has not been imported for "
        "three days.",
    },
)
# What `billing.selectors.invoice_status` says of the amounts that an invoice states.
INVOICE_STATUSES = _of_figures(
    "invoice_status",
    {
        FigureStatus.FINAL: "The document states it, and no version of it has said otherwise.",
        FigureStatus.RESTATED: "An earlier version of the invoice said otherwise, this version is "
        "superseded, or a correction has moved it since its month was closed.",
        FigureStatus.CLOSED: "A second person has closed its month, and nothing of it has moved "
        "since.",
    },
)
UNALLOCATED_REASONS = StatusVocabulary.from_choices(
    "unallocated_reason",
    UnallocatedReason.choices,
    {
        UnallocatedReason.NO_RULE: ("warn", Tone.WARN),
        UnallocatedReason.REMAINDER: ("half", Tone.NEUTRAL),
        UnallocatedReason.UNUSED_COMMITMENT: ("pause", Tone.NEUTRAL),
        UnallocatedReason.NO_BASE: ("warn", Tone.WARN),
        UnallocatedReason.UNKNOWN_TEAM: ("warn", Tone.WARN),
        UnallocatedReason.NO_TEAM_USE_CASE: ("warn", Tone.WARN),
        UnallocatedReason.NOT_COUNTED: ("half", Tone.NEUTRAL),
    },
    {
        UnallocatedReason.NO_RULE: "No allocation rule takes these lines.",
        UnallocatedReason.REMAINDER: "A rule takes them and shares out less than the whole.",
        UnallocatedReason.UNUSED_COMMITMENT: "A commitment that nobody used; it stays with its "
        "owner unless a rule names the commitment.",
        UnallocatedReason.NO_BASE: "A rule shares it in proportion to direct cost, and there is "
        "none of that kind in the month.",
        UnallocatedReason.UNKNOWN_TEAM: "A rule gives it to the principal's team, and nobody knows "
        "the principal or the team on that day.",
        UnallocatedReason.NO_TEAM_USE_CASE: "The principal's team has no use case under way on "
        "that day.",
        UnallocatedReason.NOT_COUNTED: "Another source brings the same money and is the one that "
        "counts.",
    },
)
RULE_STATES = StatusVocabulary(
    "allocation_rule",
    (
        Status("live", "Live", "It takes charges of its days.", "check", Tone.GOOD),
        Status("pending", "Being applied", "Days already imported are being allocated anew.",
               "clock", Tone.INFO),
        Status("ended", "Ended", "Its last day is over; what it took, it keeps.", "pause",
               Tone.NEUTRAL),
        Status("replaced", "Replaced", "A newer version has taken its place.", "redo",
               Tone.NEUTRAL),
        Status("retired", "Retired", "It takes nothing any more.", "stop", Tone.NEUTRAL),
    ),
)  # fmt: skip
BUDGET_THRESHOLDS = StatusVocabulary.from_choices(
    "budget_threshold",
    BudgetThreshold.choices,
    {
        BudgetThreshold.HALF: ("half", Tone.INFO),
        BudgetThreshold.MOST: ("clock", Tone.WARN),
        BudgetThreshold.ALL: ("warn", Tone.BAD),
        BudgetThreshold.FORECAST: ("tilde", Tone.WARN),
    },
    {
        BudgetThreshold.HALF: "Half of the amount is used.",
        BudgetThreshold.MOST: "Four fifths of the amount are used.",
        BudgetThreshold.ALL: "The amount is used.",
        BudgetThreshold.FORECAST: "It will be exceeded before the period is over.",
    },
)
BUDGET_STATES = StatusVocabulary(
    "budget",
    (
        Status("within", "Within", "Less than half of the amount is used.", "check", Tone.GOOD),
        Status("half", "Half used", "At least half of the amount is used.", "half", Tone.INFO),
        Status("close", "Nearly used", "At least four fifths of the amount are used.", "clock",
               Tone.WARN),
        Status("crossing", "Will be exceeded", "The forecast exceeds the amount.", "tilde",
               Tone.WARN),
        Status("used", "Used", "The whole amount is used.", "warn", Tone.BAD),
        Status("over", "Exceeded", "More than the amount is used.", "warn", Tone.BAD),
        Status("unknown", "Not known", "What is used is not known; its figure says why.", "dot",
               Tone.NEUTRAL),
        Status("outside", "Not running", "The day that is looked at lies outside its months.",
               "pause", Tone.NEUTRAL),
        Status("ended", "Ended", "Nothing is measured against it any more.", "stop",
               Tone.NEUTRAL),
    ),
)  # fmt: skip
ANOMALY_STANDINGS = StatusVocabulary(
    "anomaly",
    (
        Status("waiting", "Waits for an answer", "Its owner was told.", "clock", Tone.WARN),
        Status("small", "Too small to tell", "Found, and below what people are told of.", "dot",
               Tone.NEUTRAL),
        Status("answered", "Answered", "Somebody said what it was.", "check", Tone.GOOD),
        Status("withdrawn", "Withdrawn", "The source restated the day; the excess is gone.",
               "redo", Tone.NEUTRAL),
    ),
)  # fmt: skip
BREAKER_STATES = StatusVocabulary.from_choices(
    "breaker",
    BreakerState.choices,
    {
        BreakerState.CLOSED: ("check", Tone.GOOD),
        BreakerState.OPEN: ("warn", Tone.BAD),
        BreakerState.ENDED: ("stop", Tone.NEUTRAL),
    },
    {
        BreakerState.CLOSED: "The job is within its limit.",
        BreakerState.OPEN: "The limit was exceeded; it waits for somebody to reset it.",
        BreakerState.ENDED: "It watches nothing any more.",
    },
)
ANOMALY_DAYS = StatusVocabulary.from_choices(
    "anomaly_day",
    AnomalyState.choices,
    {
        AnomalyState.LEARNING: ("ring", Tone.INFO),
        AnomalyState.NORMAL: ("check", Tone.NEUTRAL),
        AnomalyState.ANOMALY: ("warn", Tone.WARN),
    },
    {
        AnomalyState.LEARNING: "Fewer than 14 days of history: only the cap holds.",
        AnomalyState.NORMAL: "Not above its upper bound.",
        AnomalyState.ANOMALY: "Above its upper bound.",
    },
)
PLAN_STATES = StatusVocabulary(
    "price_plan",
    (
        Status("holds", "Holds", "Its prices hold today.", "check", Tone.GOOD),
        Status("coming", "To come", "Its first day lies ahead.", "clock", Tone.INFO),
        Status("ended", "Ended", "Its last day is over; what it priced, it keeps.", "pause",
               Tone.NEUTRAL),
        Status("withdrawn", "Withdrawn", "It was ended on its first day, so it prices nothing.",
               "stop", Tone.NEUTRAL),
    ),
)  # fmt: skip
CLOSE_STATES = StatusVocabulary.from_choices(
    "close_state",
    CloseState.choices,
    {
        CloseState.DIFFERS: ("warn", Tone.WARN),
        CloseState.WAITING: ("clock", Tone.INFO),
        CloseState.READY: ("target", Tone.INFO),
        CloseState.ASKED: ("people", Tone.INFO),
        CloseState.CLOSED: ("shield", Tone.GOOD),
        CloseState.CORRECTED: ("redo", Tone.WARN),
    },
    {
        CloseState.DIFFERS: "Something on the checklist is missing.",
        CloseState.WAITING: "Everything ties; by its rule the source may still revise the month.",
        CloseState.READY: "Everything ties; somebody may ask for the close.",
        CloseState.ASKED: "Asked for; another person decides.",
        CloseState.CLOSED: "A second person has closed it; its figures are frozen.",
        CloseState.CORRECTED: "Closed; money has moved since, and each move is listed.",
    },
)
MATCHES = StatusVocabulary.from_choices(
    "invoice_match",
    MatchedBy.choices,
    {
        MatchedBy.NUMBER: ("check", Tone.GOOD),
        MatchedBy.ACCOUNT: ("check", Tone.INFO),
        MatchedBy.AMBIGUOUS: ("warn", Tone.BAD),
        MatchedBy.NOTHING: ("warn", Tone.WARN),
    },
)
CORRECTION_CAUSES = StatusVocabulary.from_choices(
    "correction_cause",
    CorrectionCause.choices,
    {
        CorrectionCause.IMPORT: ("import", Tone.WARN),
        CorrectionCause.REALLOCATION: ("arrow", Tone.INFO),
        CorrectionCause.INVOICE: ("inbox", Tone.WARN),
    },
)
