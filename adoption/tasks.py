"""Adoption's tasks: each makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from adoption.services.dashboard_approvals import expire_dashboards
from adoption.services.follow_up import refresh_outcomes
from adoption.services.hook_work import tidy_hooks
from adoption.services.snapshots import publish_snapshot


@shared_task(name="adoption.tasks.refresh_outcomes")
def refresh_outcomes_task() -> None:
    """Let deliveries hold and milestones be reached or missed as time passes."""
    refresh_outcomes(at=timezone.now())


@shared_task(name="adoption.tasks.tidy_hooks")
def tidy_hooks_task() -> None:
    """Delete bodies of hooks whose retention is over; encrypt their secrets with the newest key."""
    tidy_hooks(at=timezone.now())


@shared_task(name="adoption.tasks.publish_snapshot")
def publish_snapshot_task() -> None:
    """Publish a snapshot of metric values when something has changed."""
    publish_snapshot(at=timezone.now())


@shared_task(name="adoption.tasks.expire_dashboards")
def expire_dashboards_task() -> None:
    """Have dashboards whose approval is over fall due for review."""
    expire_dashboards(at=timezone.now())
