"""The adoption room's tables, one noun a file."""

from adoption.models.changes import Change, Commit, Repository, RepositoryLink
from adoption.models.deliveries import Delivery
from adoption.models.deployments import Artifact, Deployment, Service
from adoption.models.evidence import Evidence
from adoption.models.hooks import HookReplay, HookSecret, StoredHook
from adoption.models.identities import Identity
from adoption.models.metric_values import (
    FillWatermark,
    MetricStanding,
    MetricValue,
    MetricVersion,
)
from adoption.models.milestones import Milestone, MilestoneAttestation, MilestoneEvent
from adoption.models.programmes import Programme
from adoption.models.pull_requests import PullRequest
from adoption.models.targets import AdoptionTarget, TargetEvent
from adoption.models.teams import Membership, Team
from adoption.models.use_cases import StageChange, UseCase

__all__ = [
    "AdoptionTarget",
    "Artifact",
    "Change",
    "Commit",
    "Delivery",
    "Deployment",
    "Evidence",
    "FillWatermark",
    "HookReplay",
    "HookSecret",
    "Identity",
    "Membership",
    "MetricStanding",
    "MetricValue",
    "MetricVersion",
    "Milestone",
    "MilestoneAttestation",
    "MilestoneEvent",
    "Programme",
    "PullRequest",
    "Repository",
    "RepositoryLink",
    "Service",
    "StageChange",
    "StoredHook",
    "TargetEvent",
    "Team",
    "UseCase",
]
