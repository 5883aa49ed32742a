"""Adoption's tasks: each makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from adoption.services.calibration import MONTHLY_RUNS, ask_for_calibration
from adoption.services.dashboard_approvals import expire_dashboards
from adoption.services.findings import look_for_gaming
from adoption.services.follow_up import refresh_outcomes
from adoption.services.hook_work import tidy_hooks
from adoption.services.impact_verdicts import ask_for_evaluations
from adoption.services.metric_filling import ask_for_fills
from adoption.services.metric_standings import review_standings
from adoption.services.provider_teams import request_team_reads
from adoption.services.reclassification import ask_for_reclassification
from adoption.services.review_notices import remind_of_reviews
from adoption.services.snapshots import publish_snapshot


@shared_task(name="adoption.tasks.refresh_outcomes")
def refresh_outcomes_task() -> None:
    """Let deliveries hold and milestones be reached or missed as time passes."""
    refresh_outcomes(at=timezone.now())


@shared_task(name="adoption.tasks.tidy_hooks")
def tidy_hooks_task() -> None:
    """Delete bodies of hooks whose retention is over; encrypt their secrets with the newest key."""
    tidy_hooks(at=timezone.now())


@shared_task(name="adoption.tasks.fill_metrics")
def fill_metrics_task() -> None:
    """Ask for the values of every metric."""
    ask_for_fills(at=timezone.now())


@shared_task(name="adoption.tasks.review_metric_standings")
def review_metric_standings_task() -> None:
    """Let approvals of metrics fall due, and end what nobody looked at again."""
    review_standings(at=timezone.now())


@shared_task(name="adoption.tasks.look_for_gaming")
def look_for_gaming_task() -> None:
    """Note telltales of gaming in the last whole four weeks."""
    look_for_gaming(at=timezone.now())


@shared_task(name="adoption.tasks.publish_snapshot")
def publish_snapshot_task() -> None:
    """Publish a snapshot of metric values when something has changed."""
    publish_snapshot(at=timezone.now())


@shared_task(name="adoption.tasks.expire_dashboards")
def expire_dashboards_task() -> None:
    """Have dashboards whose approval is over fall due for review."""
    expire_dashboards(at=timezone.now())


@shared_task(name="adoption.tasks.evaluate_registrations")
def evaluate_registrations_task() -> None:
    """Have every registration judged whose window has closed, each in a piece of work."""
    ask_for_evaluations(at=timezone.now())


@shared_task(name="adoption.tasks.calibrate_intervals")
def calibrate_intervals_task() -> None:
    """Have every method held against simulations anew, with this month's seed."""
    now = timezone.now()
    ask_for_calibration(runs=MONTHLY_RUNS, seed=int(now.strftime("%Y%m")), at=now)


@shared_task(name="adoption.tasks.tend_evidence")
def tend_evidence_task() -> None:
    """Have new rules applied to what is kept; remind reviewers once."""
    now = timezone.now()
    ask_for_reclassification(at=now)
    remind_of_reviews(at=now)


@shared_task(name="adoption.tasks.read_teams")
def read_teams_task() -> None:
    """Queue a read of the teams that connections to GitHub and GitLab name."""
    request_team_reads(at=timezone.now())
