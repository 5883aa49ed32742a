"""How the states of requests and of break-glass look."""

from __future__ import annotations

from portal.choices import ApprovalStatus
from portal.shell.statuses import Status, StatusVocabulary, Tone

APPROVAL_STATUSES = StatusVocabulary.from_choices(
    "approval",
    ApprovalStatus.choices,
    {
        ApprovalStatus.PENDING: ("clock", Tone.INFO),
        ApprovalStatus.APPROVED: ("check", Tone.GOOD),
        ApprovalStatus.REJECTED: ("cross", Tone.BAD),
        ApprovalStatus.WITHDRAWN: ("redo", Tone.NEUTRAL),
        ApprovalStatus.VOIDED: ("warn", Tone.WARN),
        ApprovalStatus.EXPIRED: ("stop", Tone.NEUTRAL),
    },
    {
        ApprovalStatus.PENDING: "Nobody has decided yet; nothing has happened.",
        ApprovalStatus.APPROVED: "A second person approved exactly this, and it was carried out.",
        ApprovalStatus.REJECTED: "A second person said no; nothing was changed.",
        ApprovalStatus.WITHDRAWN: "Whoever asked took it back.",
        ApprovalStatus.VOIDED: "What it is about was changed before anybody decided. Ask again.",
        ApprovalStatus.EXPIRED: "Nobody decided in time. Ask again.",
    },
)
BREAK_GLASS_STATES = StatusVocabulary(
    "break_glass",
    (
        Status("open", "Open", "One person can approve alone just now.", "warn", Tone.BAD),
        Status("unreviewed", "To be reviewed", "Another person must look at it.", "clock",
               Tone.WARN),
        Status("reviewed", "Reviewed", "Another person looked at what was done under it.", "check",
               Tone.GOOD),
    ),
)  # fmt: skip
