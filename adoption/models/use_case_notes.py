"""What people add to a use case: comments and links. Neither is ever deleted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.models.use_cases import UseCase


class UseCaseComment(models.Model):
    """A comment in plain text. Its author can withdraw it: the line stays, the text is not shown.

    `is_decision` puts it into the decision log.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="comments")
    text = models.TextField(max_length=5000)
    is_decision = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-written_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="adoption_comment_says_something"),
        ]

    def __str__(self) -> str:
        return f"Comment {self.pk} on use case {self.use_case_id}"


class UseCaseLink(models.Model):
    """A document elsewhere that belongs to the use case. Removed means no longer shown."""

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="links")
    title = models.CharField(max_length=160)
    url = models.URLField(max_length=1000)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    added_at = models.DateTimeField()
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["title", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(url__startswith="https://"), name="adoption_link_is_https"
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
                name="adoption_link_removed_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["use_case", "url"],
                condition=Q(removed_at__isnull=True),
                name="adoption_link_once",
            ),
        ]

    def __str__(self) -> str:
        return self.title
