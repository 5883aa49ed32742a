"""Reading tokens: one's own, or all for those who look after them. The hash is never read."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, QuerySet, Value, When

from portal.choices import ApiTokenState
from portal.models import ApiToken
from portal.policies import AnyUser, may_have_api_tokens, may_see_all_api_tokens


def api_tokens_visible_to(user: AnyUser, *, at: datetime) -> QuerySet[ApiToken]:
    """Tokens with their `state` at this moment, newest first: one's own, or all where allowed."""
    rows = ApiToken.objects.defer("secret_hash").order_by("-pk")
    if not may_see_all_api_tokens(user):
        rows = rows.filter(owner_id=user.pk) if may_have_api_tokens(user) else rows.none()
    return rows.annotate(
        state=Case(
            When(revoked_at__isnull=False, then=Value(ApiTokenState.REVOKED)),
            When(expires_at__lte=at, then=Value(ApiTokenState.EXPIRED)),
            When(replaced_by__isnull=False, then=Value(ApiTokenState.REPLACED)),
            default=Value(ApiTokenState.ACTIVE),
        )
    )


def own_api_tokens(user: AnyUser, *, at: datetime) -> QuerySet[ApiToken]:
    """This person's tokens, with `state` at this moment, newest first; none for strangers."""
    return api_tokens_visible_to(user, at=at).filter(owner_id=user.pk)
