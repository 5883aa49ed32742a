"""The adoption room's tables, one noun a file."""

from adoption.models.changes import Change, CherryPick, Commit, Repository, RepositoryLink
from adoption.models.deliveries import Delivery
from adoption.models.deployments import Artifact, Deployment, Service
from adoption.models.evidence import Evidence
from adoption.models.hooks import HookReplay, HookSecret, PolledPage, StoredHook
from adoption.models.identities import Identity, IdentityLink
from adoption.models.metric_values import (
    FillWatermark,
    MetricStanding,
    MetricValue,
    MetricVersion,
)
from adoption.models.milestones import Milestone, MilestoneEvent
from adoption.models.programmes import Programme
from adoption.models.pull_requests import PullRequest
from adoption.models.teams import GroupTeam, Membership, Team
from adoption.models.use_cases import StageChange, UseCase

__all__ = [
    "Artifact",
    "Change",
    "CherryPick",
    "Commit",
    "Delivery",
    "Deployment",
    "Evidence",
    "FillWatermark",
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
    "MilestoneEvent",
    "PolledPage",
    "Programme",
    "PullRequest",
    "Repository",
    "RepositoryLink",
    "Service",
    "StageChange",
    "StoredHook",
    "Team",
    "UseCase",
]
