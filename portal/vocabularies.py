"""How the states of imports look: word, meaning, icon and tone."""

from __future__ import annotations

from portal.choices import (
    ApiTokenState,
    AuditOperation,
    RejectedRowState,
    RunStatus,
    WebhookStatus,
    WorkStatus,
)
from portal.shell.statuses import StatusVocabulary, Tone

RUN_STATUSES = StatusVocabulary.from_choices(
    "run",
    RunStatus.choices,
    {
        RunStatus.QUEUED: ("clock", Tone.INFO),
        RunStatus.RUNNING: ("half", Tone.INFO),
        RunStatus.APPLIED: ("check", Tone.GOOD),
        RunStatus.CHECKED: ("check", Tone.NEUTRAL),
        RunStatus.HELD: ("pause", Tone.WARN),
        RunStatus.REFUSED: ("cross", Tone.BAD),
        RunStatus.SUPERSEDED: ("redo", Tone.NEUTRAL),
        RunStatus.FAILED: ("warn", Tone.BAD),
        RunStatus.DISCARDED: ("stop", Tone.NEUTRAL),
    },
    {
        RunStatus.QUEUED: "Waits for a worker.",
        RunStatus.RUNNING: "A worker reads or compares it. Nothing is changed until it is applied.",
        RunStatus.APPLIED: "What the input says is stored.",
        RunStatus.CHECKED: "A dry run: it says what would change and changed nothing.",
        RunStatus.HELD: "Read and compared, but a person must look before it is applied.",
        RunStatus.REFUSED: "The input was not taken; nothing of it is stored.",
        RunStatus.SUPERSEDED: "A newer run had already written these days; nothing was changed.",
        RunStatus.FAILED: "It ended without a result; nothing was changed.",
        RunStatus.DISCARDED: "A person decided that it is never applied.",
    },
)
REJECTED_ROW_STATES = StatusVocabulary.from_choices(
    "rejected_row",
    RejectedRowState.choices,
    {
        RejectedRowState.WAITING: ("clock", Tone.WARN),
        RejectedRowState.REPAIRED: ("check", Tone.GOOD),
        RejectedRowState.DISMISSED: ("stop", Tone.NEUTRAL),
    },
    {
        RejectedRowState.WAITING: "Nobody has decided about it yet.",
        RejectedRowState.REPAIRED: "The mended text is read in its place from the next run on.",
        RejectedRowState.DISMISSED: "A person decided that it is not wanted.",
    },
)
ACCOUNT_STATES = StatusVocabulary.from_choices(
    "account",
    [("active", "Active"), ("deactivated", "Deactivated")],
    {"active": ("check", Tone.GOOD), "deactivated": ("stop", Tone.NEUTRAL)},
    {
        "active": "May sign in.",
        "deactivated": "No sign-in, no session, no API token, no role.",
    },
)
AUDIT_OPERATIONS = StatusVocabulary.from_choices(
    "audit",
    AuditOperation.choices,
    {
        AuditOperation.INSERT: ("dot", Tone.NEUTRAL),
        AuditOperation.UPDATE: ("redo", Tone.NEUTRAL),
        AuditOperation.DELETE: ("stop", Tone.NEUTRAL),
        AuditOperation.DENIED: ("cross", Tone.WARN),
        AuditOperation.ERASED: ("shield", Tone.INFO),
        AuditOperation.NOTED: ("info", Tone.INFO),
    },
    {
        AuditOperation.INSERT: "A row was added.",
        AuditOperation.UPDATE: "A row was changed.",
        AuditOperation.DELETE: "A row was removed.",
        AuditOperation.DENIED: "An attempt was refused; nothing was changed.",
        AuditOperation.ERASED: "Names and personal values were taken out of the audit.",
        AuditOperation.NOTED: "An act of the audit itself.",
    },
)
API_TOKEN_STATES = StatusVocabulary.from_choices(
    "api_token",
    ApiTokenState.choices,
    {
        ApiTokenState.ACTIVE: ("check", Tone.GOOD),
        ApiTokenState.REPLACED: ("redo", Tone.INFO),
        ApiTokenState.EXPIRED: ("clock", Tone.NEUTRAL),
        ApiTokenState.REVOKED: ("stop", Tone.NEUTRAL),
    },
    {
        ApiTokenState.ACTIVE: "It opens what its scopes say.",
        ApiTokenState.REPLACED: "Still valid; a new token takes its place.",
        ApiTokenState.EXPIRED: "Its time is over.",
        ApiTokenState.REVOKED: "Somebody ended it.",
    },
)
WORK_STATUSES = StatusVocabulary.from_choices(
    "work",
    WorkStatus.choices,
    {
        WorkStatus.QUEUED: ("clock", Tone.INFO),
        WorkStatus.RUNNING: ("half", Tone.INFO),
        WorkStatus.DONE: ("check", Tone.GOOD),
        WorkStatus.HELD: ("pause", Tone.WARN),
        WorkStatus.FAILED: ("cross", Tone.BAD),
        WorkStatus.DISCARDED: ("stop", Tone.NEUTRAL),
    },
    {
        WorkStatus.QUEUED: "Waits for a worker, or for the time of its next attempt.",
        WorkStatus.RUNNING: "A worker does it.",
        WorkStatus.DONE: "Its effect is stored.",
        WorkStatus.HELD: "Given up after several attempts; a person must look.",
        WorkStatus.FAILED: "It can never succeed as it was asked for.",
        WorkStatus.DISCARDED: "A person decided that it is not done.",
    },
)
WEBHOOK_STATUSES = StatusVocabulary.from_choices(
    "webhook",
    WebhookStatus.choices,
    {
        WebhookStatus.WAITING: ("clock", Tone.INFO),
        WebhookStatus.DELIVERED: ("check", Tone.GOOD),
        WebhookStatus.FAILED: ("cross", Tone.BAD),
    },
    {
        WebhookStatus.WAITING: "Not delivered yet; it is tried until it is, or given up.",
        WebhookStatus.DELIVERED: "The receiver answered that it has it.",
        WebhookStatus.FAILED: "The receiver, or the address, refuses it; a person must look.",
    },
)
