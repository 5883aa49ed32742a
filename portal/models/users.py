"""Who signs in, and which roles they hold."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from portal.choices import GrantSource, Role


def new_person_key() -> str:
    """A person nobody has been told to be the same as yet."""
    return f"person:{uuid.uuid4().hex}"


class User(AbstractUser):
    """An account. `username` is the sign-in name; names elsewhere are identities.

    `person_key` names the human being behind it: two accounts of one person share it, so that
    four eyes are never two accounts. At an identity provider it is issuer and subject.
    """

    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    person_key = models.CharField(max_length=200, default=new_person_key, db_index=True)
    session_epoch = models.PositiveIntegerField(default=0)  # one more ends every session at once
    is_break_glass = models.BooleanField(default=False)
    # AbstractUser's two name fields assume that everybody has a given and a family name.
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["is_break_glass"],
                condition=Q(is_break_glass=True),
                name="portal_user_one_break_glass",
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django binds sessions to the password alone, which who signs in elsewhere does not have.
        return salted_hmac(
            "portal.models.User.session",
            f"{self.password}|{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @cached_property
    def roles(self) -> frozenset[str]:
        """Keys of the roles held, read once a request."""
        return frozenset(self.role_grants.values_list("role", flat=True))

    def has_role(self, *roles: Role) -> bool:
        """Whether the person holds at least one of `roles`. Superusers hold none by that alone."""
        return any(role.value in self.roles for role in roles)


class RoleGrant(models.Model):
    """One role held by one person, who gave it and why. Never edited: given or taken away.

    `counts_from` is when it begins to count for approving: a role given today does not decide
    about what was asked yesterday.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=32, choices=Role)
    granted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    granted_at = models.DateTimeField()
    counts_from = models.DateTimeField(null=True, blank=True)  # None: at once
    source = models.CharField(max_length=16, choices=GrantSource, default=GrantSource.BOOTSTRAP)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=F("user")),
                name="portal_rolegrant_not_to_oneself",
            ),
            models.CheckConstraint(
                condition=Q(source__in=GrantSource.values), name="portal_rolegrant_known_source"
            ),
            models.CheckConstraint(
                condition=Q(source="bootstrap") | Q(counts_from__isnull=False),
                name="portal_rolegrant_counts_later",
            ),
            models.UniqueConstraint(fields=["user", "role"], name="portal_rolegrant_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="portal_rolegrant_known_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
