"""Creating people and giving them roles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from portal.choices import Role
from portal.models import RoleGrant, User


@transaction.atomic
def create_person(
    *,
    username: str,
    full_name: str,
    email: str,
    password: str,
    roles: Iterable[Role] = (),
    at: datetime,
    actor: User | None = None,
) -> User:
    """Create a local account.

    Raises:
        django.core.exceptions.ValidationError: the name is taken, or the password too weak.
    """
    user = User(username=username, full_name=full_name, email=email)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    RoleGrant.objects.bulk_create(
        RoleGrant(user=user, role=role, granted_by=actor, granted_at=at) for role in roles
    )
    return user
