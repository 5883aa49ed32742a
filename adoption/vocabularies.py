"""How the states of adoption look: word, meaning, icon and tone."""

from __future__ import annotations

from adoption.choices import (
    DashboardStatus,
    DeliveryState,
    DeploymentStatus,
    EnvironmentTier,
    HookState,
    IdentityState,
    Involvement,
    MilestoneState,
    RegistrationState,
    RiskTier,
    Stage,
    StandingStatus,
    Strength,
    SuggestionState,
    VerdictWord,
)
from portal.shell.statuses import StatusVocabulary, Tone

STAGES = StatusVocabulary.from_choices(
    "stage",
    Stage.choices,
    {
        Stage.PROPOSED: ("ring", Tone.NEUTRAL),
        Stage.APPROVED: ("half", Tone.INFO),
        Stage.PILOT: ("arrow", Tone.INFO),
        Stage.LIVE: ("dot", Tone.GOOD),
        Stage.VALIDATED: ("check", Tone.GOOD),
        Stage.STOPPED: ("stop", Tone.NEUTRAL),
        Stage.RETIRED: ("pause", Tone.NEUTRAL),
    },
    {
        Stage.PROPOSED: "Described, waiting for a decision.",
        Stage.APPROVED: "Worth trying; not started.",
        Stage.PILOT: "Tried with a few, with a rule that says when to stop.",
        Stage.LIVE: "In use by those it is for.",
        Stage.VALIDATED: "Its hypothesis was tested and holds.",
        Stage.STOPPED: "Ended on purpose, with what was learnt. A good outcome.",
        Stage.RETIRED: "Served its time and was taken out of use.",
    },
)
MILESTONE_STATES = StatusVocabulary.from_choices(
    "milestone",
    [*MilestoneState.choices, ("at_risk", "At risk"), ("withdrawn", "Withdrawn")],
    {
        "at_risk": ("warn", Tone.WARN),
        "withdrawn": ("stop", Tone.NEUTRAL),
        MilestoneState.OPEN: ("ring", Tone.INFO),
        MilestoneState.REACHED: ("check", Tone.GOOD),
        MilestoneState.MISSED: ("cross", Tone.BAD),
    },
    {
        "at_risk": "Open; its forecast lies after its day, or it is due within 14 days.",
        "withdrawn": "Given up, with the reason in its log.",
        MilestoneState.OPEN: "Its day is not over and its measure does not say so yet.",
        MilestoneState.REACHED: "Its measure says so.",
        MilestoneState.MISSED: "Its day is over and its measure does not say so.",
    },
)
RISK_TIERS = StatusVocabulary.from_choices(
    "risk",
    RiskTier.choices,
    {
        RiskTier.NOT_STATED: ("info", Tone.NEUTRAL),
        RiskTier.MINIMAL: ("dot", Tone.NEUTRAL),
        RiskTier.LIMITED: ("half", Tone.INFO),
        RiskTier.HIGH: ("warn", Tone.WARN),
        RiskTier.PROHIBITED: ("stop", Tone.BAD),
    },
)
DELIVERY_STATES = StatusVocabulary.from_choices(
    "delivery",
    DeliveryState.choices,
    {
        DeliveryState.CLAIMED: ("ring", Tone.NEUTRAL),
        DeliveryState.MERGED: ("half", Tone.INFO),
        DeliveryState.DEPLOYED: ("arrow", Tone.INFO),
        DeliveryState.HELD: ("check", Tone.GOOD),
        DeliveryState.CONFIRMED: ("check", Tone.GOOD),
        DeliveryState.REVERTED: ("redo", Tone.WARN),
        DeliveryState.REJECTED: ("cross", Tone.NEUTRAL),
    },
    {
        DeliveryState.CLAIMED: "Logged; nothing confirms it yet.",
        DeliveryState.MERGED: "The change is merged and in no production deployment yet.",
        DeliveryState.DEPLOYED: "In production; it holds once it stayed there for 14 days.",
        DeliveryState.HELD: "In production for 14 days without being undone.",
        DeliveryState.CONFIRMED: "Work that is not code, confirmed by another person.",
        DeliveryState.REVERTED: "The change was undone; it no longer counts.",
        DeliveryState.REJECTED: "Withdrawn, or not confirmed by the reviewer.",
    },
)
STRENGTHS = StatusVocabulary.from_choices(
    "strength",
    [*Strength.choices, ("unknown", "Unknown")],
    {
        Strength.AUTONOMOUS: ("dot", Tone.INFO),
        Strength.ASSISTED: ("half", Tone.INFO),
        Strength.SUGGESTION: ("ring", Tone.INFO),
        Strength.DECLARED: ("user", Tone.NEUTRAL),
        Strength.INFERRED: ("tilde", Tone.WARN),
        "unknown": ("info", Tone.NEUTRAL),
    },
    {
        Strength.AUTONOMOUS: "An agent made the change and says so.",
        Strength.ASSISTED: "The change names AI as a helper.",
        Strength.SUGGESTION: "A suggestion of a tool was taken over.",
        Strength.DECLARED: "A person said so in free words.",
        Strength.INFERRED: "Only concluded; it does not count as AI-assisted.",
        "unknown": "No sign was seen. That does not mean that AI had no part.",
    },
)
DEPLOYMENT_TIERS = StatusVocabulary.from_choices(
    "tier",
    EnvironmentTier.choices,
    {
        EnvironmentTier.PRODUCTION: ("arrow", Tone.GOOD),
        EnvironmentTier.STAGING: ("half", Tone.INFO),
        EnvironmentTier.TESTING: ("ring", Tone.NEUTRAL),
        EnvironmentTier.DEVELOPMENT: ("ring", Tone.NEUTRAL),
        EnvironmentTier.PREVIEW: ("ring", Tone.NEUTRAL),
        EnvironmentTier.OTHER: ("dot", Tone.NEUTRAL),
    },
    {
        EnvironmentTier.PRODUCTION: "Where users are. Only this tier delivers.",
        EnvironmentTier.OTHER: "Not said to be production, so it delivers nothing.",
    },
)
DEPLOYMENT_STATUSES = StatusVocabulary.from_choices(
    "deployment",
    DeploymentStatus.choices,
    {
        DeploymentStatus.QUEUED: ("ring", Tone.NEUTRAL),
        DeploymentStatus.RUNNING: ("half", Tone.INFO),
        DeploymentStatus.SUCCEEDED: ("check", Tone.GOOD),
        DeploymentStatus.FAILED: ("cross", Tone.BAD),
        DeploymentStatus.CANCELED: ("stop", Tone.NEUTRAL),
        DeploymentStatus.SKIPPED: ("pause", Tone.NEUTRAL),
        DeploymentStatus.SUPERSEDED: ("redo", Tone.NEUTRAL),
        DeploymentStatus.UNKNOWN: ("info", Tone.WARN),
    },
    {
        DeploymentStatus.CANCELED: "Neither a success nor a failure.",
        DeploymentStatus.SUPERSEDED: "Replaced or torn down before a success was seen.",
        DeploymentStatus.UNKNOWN: "The source used a word that no rule knows; never a success.",
    },
)
ROLLOUT_KINDS = StatusVocabulary.from_choices(
    "rollout",
    [
        ("deploy", "Deployment"),
        ("baseline", "Baseline"),
        ("redeploy", "Redeployment"),
        ("rollback", "Rollback"),
    ],
    {
        "deploy": ("arrow", Tone.INFO),
        "baseline": ("ring", Tone.NEUTRAL),
        "redeploy": ("redo", Tone.NEUTRAL),
        "rollback": ("warn", Tone.WARN),
    },
    {
        "baseline": "The first one known: what it contains was there before.",
        "redeploy": "The same again; it delivers nothing.",
        "rollback": "Went back to what was deployed before.",
    },
)
HOOK_STATES = StatusVocabulary.from_choices(
    "hook",
    HookState.choices,
    {
        HookState.STORED: ("ring", Tone.INFO),
        HookState.PROCESSED: ("check", Tone.GOOD),
        HookState.IGNORED: ("dot", Tone.NEUTRAL),
        HookState.REFUSED: ("warn", Tone.WARN),
        HookState.FAILED: ("cross", Tone.BAD),
    },
    {
        HookState.STORED: "Kept; it waits for a worker.",
        HookState.PROCESSED: "What it says is taken.",
        HookState.IGNORED: "A rule says that it is of no interest; the rule stands beside it.",
        HookState.REFUSED: "It does not say what it should; the field stands beside it.",
        HookState.FAILED: "A fault of the portal, three times; replay it once that is mended.",
    },
)

METRIC_STANDINGS = StatusVocabulary.from_choices(
    "metric_standing",
    StandingStatus.choices,
    {
        StandingStatus.DRAFT: ("ring", Tone.NEUTRAL),
        StandingStatus.PROPOSED: ("half", Tone.INFO),
        StandingStatus.APPROVED: ("check", Tone.GOOD),
        StandingStatus.CERTIFIED: ("shield", Tone.GOOD),
        StandingStatus.REVIEW_DUE: ("clock", Tone.WARN),
        StandingStatus.SUSPENDED: ("warn", Tone.BAD),
        StandingStatus.DEPRECATED: ("pause", Tone.WARN),
        StandingStatus.RETIRED: ("stop", Tone.NEUTRAL),
    },
    {
        StandingStatus.DRAFT: "Nobody has approved it here; no report should use it.",
        StandingStatus.PROPOSED: "Waits for a second person; no report should use it yet.",
        StandingStatus.APPROVED: "A second person has seen these numbers and approved them.",
        StandingStatus.CERTIFIED: "Approved and certified for half a year; it may leave as a file.",
        StandingStatus.REVIEW_DUE: "The time of its approval is over; somebody must look again.",
        StandingStatus.SUSPENDED: "Withdrawn from reports until somebody has approved it again.",
        StandingStatus.DEPRECATED: "Still answered, up to an announced last day.",
        StandingStatus.RETIRED: "Its last day is over; it is answered no more.",
    },
)


FINDING_STATES = StatusVocabulary.from_choices(
    "finding",
    [("open", "Open"), ("acknowledged", "Acknowledged")],
    {"open": ("warn", Tone.WARN), "acknowledged": ("check", Tone.NEUTRAL)},
    {
        "open": "Nobody has said yet what is behind it.",
        "acknowledged": "Somebody said what is behind it.",
    },
)


DASHBOARD_STATUSES = StatusVocabulary.from_choices(
    "dashboard",
    DashboardStatus.choices,
    {
        DashboardStatus.DRAFT: ("ring", Tone.NEUTRAL),
        DashboardStatus.IN_REVIEW: ("half", Tone.INFO),
        DashboardStatus.APPROVED: ("shield", Tone.GOOD),
        DashboardStatus.REVIEW_DUE: ("clock", Tone.WARN),
        DashboardStatus.DEPRECATED: ("pause", Tone.NEUTRAL),
    },
    {
        DashboardStatus.DRAFT: "Nobody has approved it; do not rely on it.",
        DashboardStatus.IN_REVIEW: "Somebody has asked that a second person approves it.",
        DashboardStatus.APPROVED: "A second person approved exactly this version.",
        DashboardStatus.REVIEW_DUE: "Its approval is over; it must be looked at again.",
        DashboardStatus.DEPRECATED: "Not to be used any more; the reason stands beside it.",
    },
)
TILE_STANDINGS = StatusVocabulary.from_choices(
    "tile",
    [*StandingStatus.choices, ("none", "Not approved")],
    {
        StandingStatus.CERTIFIED: ("shield", Tone.GOOD),
        StandingStatus.APPROVED: ("check", Tone.GOOD),
        StandingStatus.REVIEW_DUE: ("clock", Tone.WARN),
        StandingStatus.PROPOSED: ("half", Tone.WARN),
        StandingStatus.DRAFT: ("ring", Tone.WARN),
        StandingStatus.SUSPENDED: ("stop", Tone.BAD),
        StandingStatus.DEPRECATED: ("pause", Tone.WARN),
        StandingStatus.RETIRED: ("cross", Tone.BAD),
        "none": ("warn", Tone.BAD),
    },
    {
        StandingStatus.CERTIFIED: "This version of the metric is certified here, until a day.",
        StandingStatus.APPROVED: "This version of the metric is approved here.",
        "none": "Nobody has asked to approve this version of the metric here.",
    },
)


IMPACT = StatusVocabulary.from_choices(
    "impact",
    [*VerdictWord.choices, *RegistrationState.choices],
    {
        VerdictWord.NOT_EVALUABLE: ("pause", Tone.NEUTRAL),
        VerdictWord.EXPLORATORY: ("tilde", Tone.WARN),
        VerdictWord.ADVERSE: ("cross", Tone.BAD),
        VerdictWord.SUPPORTED: ("check", Tone.GOOD),
        VerdictWord.NO_MEANINGFUL_CHANGE: ("dot", Tone.INFO),
        VerdictWord.INCONCLUSIVE: ("half", Tone.INFO),
        RegistrationState.WAITING: ("ring", Tone.NEUTRAL),
        RegistrationState.WITHDRAWN: ("stop", Tone.NEUTRAL),
        RegistrationState.REPLACED: ("redo", Tone.NEUTRAL),
        RegistrationState.IN_PROGRESS: ("clock", Tone.INFO),
        RegistrationState.DUE: ("clock", Tone.WARN),
        RegistrationState.JUDGED: ("dot", Tone.INFO),
    },
    {
        VerdictWord.NOT_EVALUABLE: "The data cannot carry an answer; it says why.",
        VerdictWord.EXPLORATORY: "Registered after the launch, or changed since: not validated.",
        VerdictWord.ADVERSE: "The interval lies on the wrong side, or a guardrail is breached.",
        VerdictWord.SUPPORTED: "The whole interval lies on the registered side of no effect.",
        VerdictWord.NO_MEANINGFUL_CHANGE: "Surely smaller than what would matter.",
        VerdictWord.INCONCLUSIVE: "Both no effect and one that matters are possible.",
        RegistrationState.WAITING: "It counts once another person has approved it.",
        RegistrationState.IN_PROGRESS: "Its window is open; nothing is estimated before it closes.",
        RegistrationState.DUE: "Its window has closed; it is judged within a day.",
    },
)
GUARDRAILS = StatusVocabulary.from_choices(
    "guardrail",
    [
        ("ok", "Holds"),
        ("breached", "Breached"),
        ("unclear", "Unclear"),
        ("not_evaluable", "Not evaluable"),
    ],
    {
        "ok": ("check", Tone.GOOD),
        "breached": ("cross", Tone.BAD),
        "unclear": ("half", Tone.INFO),
        "not_evaluable": ("warn", Tone.WARN),
    },
    {
        "ok": "Its whole interval lies inside the margin.",
        "breached": "Its whole interval lies beyond the margin; that wins over any gain.",
        "unclear": "Its interval holds the margin.",
        "not_evaluable": "It could not be evaluated, so nothing is supported.",
    },
)


INVOLVEMENTS = StatusVocabulary.from_choices(
    "involvement",
    Involvement.choices,
    {
        Involvement.AI: ("dot", Tone.INFO),
        Involvement.HUMAN: ("user", Tone.NEUTRAL),
        Involvement.UNKNOWN: ("info", Tone.NEUTRAL),
    },
    {
        Involvement.AI: "A sign of AI was seen, or somebody declared it.",
        Involvement.HUMAN: "Somebody declared that AI had no part.",
        Involvement.UNKNOWN: "Neither was seen nor said. That does not mean that AI had no part.",
    },
)
SUGGESTION_STATES = StatusVocabulary.from_choices(
    "suggestion",
    SuggestionState.choices,
    {
        SuggestionState.OFFERED: ("ring", Tone.INFO),
        SuggestionState.CONFIRMED: ("check", Tone.GOOD),
        SuggestionState.DISMISSED: ("cross", Tone.NEUTRAL),
        SuggestionState.EXPIRED: ("clock", Tone.NEUTRAL),
        SuggestionState.WITHDRAWN: ("redo", Tone.NEUTRAL),
    },
    {
        SuggestionState.OFFERED: "It waits for your click.",
        SuggestionState.EXPIRED: "Nobody answered in 14 days; it can still be logged.",
        SuggestionState.WITHDRAWN: "The change is no delivery of yours (any more).",
    },
)


IDENTITY_STATES = StatusVocabulary.from_choices(
    "identity",
    IdentityState.choices,
    {
        IdentityState.UNRESOLVED: ("ring", Tone.WARN),
        IdentityState.RESOLVED: ("check", Tone.GOOD),
        IdentityState.NOBODY: ("dot", Tone.NEUTRAL),
    },
    {
        IdentityState.UNRESOLVED: "Nobody has said yet whose it is.",
        IdentityState.NOBODY: "A robot, or an address that many use.",
    },
)
