"""Adoption's tasks: each makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from adoption.services.follow_up import refresh_outcomes
from adoption.services.hook_work import tidy_hooks
from adoption.services.provider_teams import request_team_reads


@shared_task(name="adoption.tasks.refresh_outcomes")
def refresh_outcomes_task() -> None:
    """Let deliveries hold and milestones be reached or missed as time passes."""
    refresh_outcomes(at=timezone.now())


@shared_task(name="adoption.tasks.tidy_hooks")
def tidy_hooks_task() -> None:
    """Delete bodies of hooks whose retention is over; encrypt their secrets with the newest key."""
    tidy_hooks(at=timezone.now())


@shared_task(name="adoption.tasks.read_teams")
def read_teams_task() -> None:
    """Queue a read of the teams that connections to GitHub and GitLab name."""
    request_team_reads(at=timezone.now())
