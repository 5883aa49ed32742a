"""Deliveries that the portal proposes to a person, and what it proposes them by."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from adoption.choices import Dismissal, MarkKind, SuggestionState
from adoption.models.changes import Change
from adoption.models.deliveries import Delivery
from adoption.models.use_cases import UseCase


class Suggestion(models.Model):
    """One change that one person may want to log; shown to that person only.

    `candidates` are use cases with their reasons, best first: `{use_case, points, reasons}`, each
    reason `{kind, text, points}`. `use_case` is the first of them. Silence changes nothing but
    `offered` into `expired`.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="suggestions"
    )
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="suggestions")
    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="+")
    candidates = models.JSONField()
    score = models.PositiveIntegerField()
    state = models.CharField(
        max_length=16, choices=SuggestionState, default=SuggestionState.OFFERED
    )
    state_reason = models.CharField(max_length=200, blank=True)
    dismissal = models.CharField(max_length=16, choices=Dismissal, blank=True)
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    digested_at = models.DateTimeField(null=True, blank=True)  # told of it once, never again
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "change"], name="adoption_suggestion_once"),
            models.CheckConstraint(
                condition=Q(state__in=SuggestionState.values),
                name="adoption_suggestion_known_state",
            ),
            models.CheckConstraint(
                condition=Q(state="dismissed", dismissal__in=Dismissal.values)
                | (~Q(state="dismissed") & Q(dismissal="")),
                name="adoption_suggestion_dismissed_why",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("offered_at")), name="adoption_suggestion_ends_later"
            ),
            # Nobody but a person's decision ends in these states.
            models.CheckConstraint(
                condition=~Q(state__in=("confirmed", "dismissed")) | Q(decided_at__isnull=False),
                name="adoption_suggestion_decided_when",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "state", "-score"], name="adoption_suggestion_inbox"),
            models.Index(fields=["state", "expires_at"], name="adoption_suggestion_ending"),
        ]

    def __str__(self) -> str:
        return f"{self.change_id} for {self.user_id}"


class UseCaseMark(models.Model):
    """A path, a label or a ticket key by which changes are recognised as work for a use case.

    Labels are kept in lower case, ticket keys (`BILL`, or one ticket, `BILL-42`) in upper case. A
    path holds in the repositories that are linked to the use case.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=16, choices=MarkKind)
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["use_case", "kind", "value"], name="adoption_usecasemark_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=MarkKind.values), name="adoption_usecasemark_known_kind"
            ),
            models.CheckConstraint(
                condition=~Q(value=""), name="adoption_usecasemark_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
