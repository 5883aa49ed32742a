"""How billing's states look: word, meaning, icon and tone."""

from __future__ import annotations

from billing.choices import CloseState, CorrectionCause, Finality, MatchedBy, UnallocatedReason
from portal.shell.statuses import Status, StatusVocabulary, Tone

FINALITIES = StatusVocabulary.from_choices(
    "finality",
    Finality.choices,
    {
        Finality.OPEN: ("ring", Tone.INFO),
        Finality.PROVISIONAL: ("clock", Tone.INFO),
        Finality.FINAL: ("check", Tone.GOOD),
        Finality.RESTATED: ("redo", Tone.WARN),
        Finality.CLOSED: ("shield", Tone.GOOD),
    },
    {
        Finality.OPEN: "The month is still running; more will come.",
        Finality.PROVISIONAL: "The month is over, but the source may still change it.",
        Finality.FINAL: "Every line is on an invoice, and nothing has changed for 14 days.",
        Finality.RESTATED: "The source changed it after it was imported; the old value is kept.",
        Finality.CLOSED: "It ties to the invoice, and a second person has closed the month.",
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
