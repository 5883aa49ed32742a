"""Who signs in, and which roles they hold."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from portal.choices import Role


class User(AbstractUser):
    """A person who signs in. `username` is the sign-in name; names elsewhere are identities."""

    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    # AbstractUser's two name fields assume that everybody has a given and a family name.
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name()

    @cached_property
    def roles(self) -> frozenset[str]:
        """Keys of the roles held, read once a request."""
        return frozenset(self.role_grants.values_list("role", flat=True))

    def has_role(self, *roles: Role) -> bool:
        """Whether the person holds at least one of `roles`. Superusers hold none by that alone."""
        return any(role.value in self.roles for role in roles)


class RoleGrant(models.Model):
    """One role held by one person, and who gave it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=32, choices=Role)
    granted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    granted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="portal_rolegrant_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="portal_rolegrant_known_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
