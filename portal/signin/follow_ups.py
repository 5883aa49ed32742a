"""What rooms do with the groups of who signs in: the portal knows nothing of teams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from portal.models import User
from portal.registry import Registry

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignInFollowUp:
    """`run(user, groups, at)` is called after a provider let somebody in; repeatable."""

    key: str
    run: Callable[[User, frozenset[str], datetime], None]


sign_in_follow_ups: Registry[SignInFollowUp] = Registry("sign-in follow-up")


def follow_sign_in(user: User, groups: frozenset[str], at: datetime) -> None:
    """Run all of them. A fault in one is logged and keeps nobody out."""
    for item in sign_in_follow_ups:
        try:
            with transaction.atomic():
                item.run(user, groups, at)
        except Exception:
            log.exception("sign_in_follow_up_failed", key=item.key, user=user.pk)
