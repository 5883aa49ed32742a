"""Letting a locked account try again before its time is over."""

from __future__ import annotations

from datetime import datetime

from axes.models import AccessAttempt
from django.db import transaction

from portal.choices import SignInEventKind
from portal.models import User
from portal.services.sign_in_events import record_sign_in_event


def forget_failures(account: str) -> int:
    """Forget the failures of a sign-in name, known or not; returns how many rows are gone."""
    count, _ = AccessAttempt.objects.filter(username=account.strip().casefold()).delete()
    return int(count)


@transaction.atomic
def unlock_account(*, user: User, actor: User | None, at: datetime) -> int:
    """Let a person try again at once; who did so is recorded. Returns what was forgotten.

    The network addresses that tried stay counted for other accounts.
    """
    forgotten = forget_failures(user.username)
    record_sign_in_event(kind=SignInEventKind.UNLOCKED, user=user, at=at, actor=actor)
    return forgotten
