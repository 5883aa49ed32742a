"""Saying who a name elsewhere belongs to."""

from __future__ import annotations

from django.db import transaction

from adoption.models import Identity
from portal.models import User


@transaction.atomic
def link_identity(*, identity: Identity, user: User | None) -> Identity:
    """Say that an identity is this person's, or (None) that it is not known again."""
    identity.user = user
    identity.save(update_fields=["user"])
    return identity
