"""Adoption's tasks: each makes one service call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from adoption.services.delivery_digests import reseal_chat_addresses, send_digests
from adoption.services.follow_up import refresh_outcomes
from adoption.services.hook_work import tidy_hooks
from adoption.services.reclassification import ask_for_reclassification
from adoption.services.review_notices import remind_of_reviews


@shared_task(name="adoption.tasks.refresh_outcomes")
def refresh_outcomes_task() -> None:
    """Let deliveries hold and milestones be reached or missed as time passes."""
    refresh_outcomes(at=timezone.now())


@shared_task(name="adoption.tasks.tidy_hooks")
def tidy_hooks_task() -> None:
    """Delete bodies of hooks whose retention is over; encrypt their secrets with the newest key."""
    tidy_hooks(at=timezone.now())


@shared_task(name="adoption.tasks.send_delivery_digests")
def send_delivery_digests_task() -> None:
    """Tell everybody whose hour has come of what was suggested to them."""
    send_digests(at=timezone.now())


@shared_task(name="adoption.tasks.tend_evidence")
def tend_evidence_task() -> None:
    """Have new rules applied to what is kept; remind reviewers once; follow the newest key."""
    now = timezone.now()
    ask_for_reclassification(at=now)
    remind_of_reviews(at=now)
    reseal_chat_addresses()
