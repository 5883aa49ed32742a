"""How billing's states look: word, meaning, icon and tone."""

from __future__ import annotations

from billing.choices import Finality, UnallocatedReason
from portal.shell.statuses import Status, StatusVocabulary, Tone

FINALITIES = StatusVocabulary.from_choices(
    "finality",
    Finality.choices,
    {
        Finality.OPEN: ("ring", Tone.INFO),
        Finality.PROVISIONAL: ("clock", Tone.INFO),
        Finality.FINAL: ("check", Tone.GOOD),
        Finality.RESTATED: ("redo", Tone.WARN),
    },
    {
        Finality.OPEN: "The month is still running; more will come.",
        Finality.PROVISIONAL: "The month is over, but the source may still change it.",
        Finality.FINAL: "Every line is on an invoice, and nothing has changed for 14 days.",
        Finality.RESTATED: "The source changed it after it was imported; the old value is kept.",
    },
)
UNALLOCATED_REASONS = StatusVocabulary.from_choices(
    "unallocated_reason",
    UnallocatedReason.choices,
    {
        UnallocatedReason.NO_RULE: ("warn", Tone.WARN),
        UnallocatedReason.REMAINDER: ("half", Tone.NEUTRAL),
    },
    {
        UnallocatedReason.NO_RULE: "No allocation rule takes these lines.",
        UnallocatedReason.REMAINDER: "A rule takes them and shares out less than the whole.",
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
