"""Names of value lists in the API's description, where several fields have the same name.

Without a name of its own a list is called after a digest, which changes with the list.
"""

from __future__ import annotations

ENUM_NAMES = {
    "ApprovalStatusEnum": "portal.choices.ApprovalStatus",
    "AttestedOutcomeEnum": "adoption.choices.AttestedOutcome",
    "ChangeStateEnum": "adoption.sources.generic.parser.STATES",
    "ChangeKindEnum": "adoption.sources.generic.parser.KINDS",
    "ComparatorEnum": "adoption.choices.Comparator",
    "DataStatusEnum": "adoption.choices.ValueStatus",
    "DismissalEnum": "adoption.choices.Dismissal",
    "DeploymentStatusEnum": "adoption.sources.generic.parser.STATUSES",
    "ScopeKindEnum": "adoption.choices.ScopeKind",
    "MilestoneKindEnum": "adoption.choices.MilestoneKind",
    "MilestoneStateEnum": "adoption.choices.MilestoneState",
    "StandingStatusEnum": "adoption.choices.StandingStatus",
    "StandingEnum": "adoption.api.dashboards.STANDINGS",
    "RoundingEnum": "billing.api.explanations.ROUNDINGS",
    "SeverityEnum": "adoption.sources.generic.parser.SEVERITIES",
    "SuggestionStateEnum": "adoption.choices.SuggestionState",
    "TargetScopeEnum": "adoption.api.targets.SCOPES",
    "TileKindEnum": "adoption.choices.TileKind",
    "EffectDirectionEnum": "adoption.choices.EffectDirection",
    "FigureStatusEnum": "portal.api.figures.FIGURE_STATUSES",
    "OutcomeEnum": "portal.choices.ApprovalOutcome",
    "PracticeEnum": "adoption.inventory_choices.Practice",
    "YesNoEnum": "adoption.inventory_choices.YesNo",
}
