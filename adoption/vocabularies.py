"""How the states of adoption look: word, meaning, icon and tone."""

from __future__ import annotations

from adoption.choices import (
    DeliveryState,
    DeploymentStatus,
    EnvironmentTier,
    HookState,
    MilestoneState,
    RiskTier,
    Stage,
    Strength,
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
        RiskTier.MINIMAL: ("dot", Tone.NEUTRAL),
        RiskTier.LIMITED: ("half", Tone.INFO),
        RiskTier.HIGH: ("warn", Tone.WARN),
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
