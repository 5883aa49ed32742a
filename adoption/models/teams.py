"""The organisation tree and who belongs where, when."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Team(models.Model):
    """A node of the organisation tree."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="adoption_team_not_its_own_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person in a team from one day up to, not including, another. Headcounts come from here."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)  # exclusive
    # Which list said so (`file`, `connection:<short name>`, `groups`); empty: a person here. A list
    # ends only what the same list began.
    origin = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-starts_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="adoption_membership_period_is_half_open",
            ),
            models.UniqueConstraint(
                fields=["team", "user", "starts_on"], name="adoption_membership_starts_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} from {self.starts_on}"


class GroupTeam(models.Model):
    """People of this group of the identity provider belong to this team while they are in it."""

    group = models.CharField(max_length=200)  # as the provider spells it
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="groups")

    class Meta:
        ordering = ["group", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["group", "team"], name="adoption_groupteam_once"),
        ]

    def __str__(self) -> str:
        return f"{self.group} → {self.team}"
