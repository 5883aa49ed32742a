"""Adoption's tasks: each makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from adoption.services.follow_up import refresh_outcomes
from adoption.services.hook_work import tidy_hooks
from adoption.services.impact_verdicts import ask_for_evaluations


@shared_task(name="adoption.tasks.refresh_outcomes")
def refresh_outcomes_task() -> None:
    """Let deliveries hold and milestones be reached or missed as time passes."""
    refresh_outcomes(at=timezone.now())


@shared_task(name="adoption.tasks.tidy_hooks")
def tidy_hooks_task() -> None:
    """Delete bodies of hooks whose retention is over; encrypt their secrets with the newest key."""
    tidy_hooks(at=timezone.now())


@shared_task(name="adoption.tasks.evaluate_registrations")
def evaluate_registrations_task() -> None:
    """Have every registration judged whose window has closed, each in a piece of work."""
    ask_for_evaluations(at=timezone.now())
