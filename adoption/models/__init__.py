"""The adoption room's tables, one noun a file."""

from adoption.models.changes import Change, CherryPick, Commit, Repository, RepositoryLink
from adoption.models.dashboards import (
    Dashboard,
    DashboardAccess,
    DashboardStatusChange,
    DashboardVersion,
)
from adoption.models.declarations import Declaration, Reclassification
from adoption.models.deliveries import Delivery, DeliveryEvent
from adoption.models.deployments import Artifact, Deployment, Service
from adoption.models.evidence import Evidence
from adoption.models.findings import GamingFinding
from adoption.models.hooks import HookReplay, HookSecret, PolledPage, StoredHook
from adoption.models.identities import Identity, IdentityLink
from adoption.models.impact_registrations import (
    ImpactAmendment,
    ImpactRegistration,
    LossReport,
)
from adoption.models.impact_verdicts import (
    CalibrationRun,
    ImpactDecision,
    ImpactVerdict,
    UnitValue,
)
from adoption.models.incidents import Incident, ServiceSplit
from adoption.models.metric_values import (
    FillWatermark,
    MetricStanding,
    MetricValue,
    MetricVersion,
    ValueWrite,
)
from adoption.models.milestones import Milestone, MilestoneAttestation, MilestoneEvent
from adoption.models.programmes import Programme
from adoption.models.pull_requests import PullRequest
from adoption.models.snapshots import Snapshot, SnapshotValue
from adoption.models.suggestions import Suggestion, UseCaseMark
from adoption.models.targets import AdoptionTarget, TargetEvent
from adoption.models.teams import GroupTeam, Membership, Team
from adoption.models.use_case_notes import UseCaseComment, UseCaseLink
from adoption.models.use_case_profiles import UseCaseProfile
from adoption.models.use_cases import StageChange, UseCase

__all__ = [
    "AdoptionTarget",
    "Artifact",
    "CalibrationRun",
    "Change",
    "CherryPick",
    "Commit",
    "Dashboard",
    "DashboardAccess",
    "DashboardStatusChange",
    "DashboardVersion",
    "Declaration",
    "Delivery",
    "DeliveryEvent",
    "Deployment",
    "Evidence",
    "FillWatermark",
    "GamingFinding",
    "HookReplay",
    "HookSecret",
    "Identity",
    "Incident",
    "ImpactAmendment",
    "ImpactDecision",
    "ImpactRegistration",
    "ImpactVerdict",
    "LossReport",
    "GroupTeam",
    "HookReplay",
    "HookSecret",
    "Identity",
    "IdentityLink",
    "Membership",
    "MetricStanding",
    "MetricValue",
    "MetricVersion",
    "Milestone",
    "MilestoneAttestation",
    "MilestoneEvent",
    "PolledPage",
    "Programme",
    "PullRequest",
    "Reclassification",
    "Repository",
    "RepositoryLink",
    "Service",
    "ServiceSplit",
    "Snapshot",
    "SnapshotValue",
    "StageChange",
    "StoredHook",
    "Suggestion",
    "TargetEvent",
    "Team",
    "UnitValue",
    "UseCase",
    "UseCaseComment",
    "UseCaseLink",
    "UseCaseProfile",
    "UseCaseMark",
    "ValueWrite",
]
