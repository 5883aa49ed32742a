"""How the registry's states look: word, meaning, icon and tone."""

from __future__ import annotations

from adoption.choices import MilestoneState, RiskTier, Stage
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
    MilestoneState.choices,
    {
        MilestoneState.OPEN: ("ring", Tone.INFO),
        MilestoneState.REACHED: ("check", Tone.GOOD),
        MilestoneState.MISSED: ("cross", Tone.BAD),
    },
    {
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
