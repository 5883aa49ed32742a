"""Reading notices: everybody their own, nobody anybody else's."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.models import Notice, User
from portal.policies import AnyUser


def own_notices(user: AnyUser) -> QuerySet[Notice]:
    """What this person was told in the portal, newest first."""
    if not isinstance(user, User) or not user.is_active:
        return Notice.objects.none()
    return Notice.objects.filter(user=user, is_hidden=False).order_by("-created_at", "-pk")


def unread_notices(user: AnyUser) -> QuerySet[Notice]:
    """What they have not read yet, newest first."""
    return own_notices(user).filter(read_at__isnull=True)
