"""What the portal tells one person: once each, with a link."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """One thing that one person is told.

    `key` names the occasion: the same person is never told of it twice, however often and by
    however many workers it is noticed. `emailed_at` is set once the mail server has taken it.
    `is_hidden` is one that the person did not want in the portal: it only keeps them from being
    told twice.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    link = models.CharField(max_length=500, blank=True)  # a path of this site
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)
    is_hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="portal_notice_once"),
            models.CheckConstraint(
                condition=models.Q(link="") | models.Q(link__startswith="/"),
                name="portal_notice_links_inside",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="portal_notice_newest"),
            models.Index(
                fields=["user"],
                name="portal_notice_unread",
                condition=models.Q(read_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title
