"""Pull and merge requests as their provider says they are, open ones too."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption.choices import ChangeKind, ChangeState
from adoption.models.changes import Change, Repository
from adoption.models.identities import Identity


class PullRequest(models.Model):
    """Everything said about one pull or merge request; once it is merged, it is a `Change`.

    `stamps` holds for each field when the provider said it, so that statements may arrive in any
    order (`adoption/deploys/merging.py`).
    """

    repository = models.ForeignKey(
        Repository, on_delete=models.PROTECT, related_name="pull_requests"
    )
    kind = models.CharField(max_length=16, choices=ChangeKind)
    number = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=ChangeState, default=ChangeState.OPEN)
    title = models.CharField(max_length=500, blank=True)
    message = models.TextField(blank=True)
    url = models.URLField(blank=True, max_length=500)
    author = models.ForeignKey(
        Identity, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(null=True, blank=True)
    first_commit_at = models.DateTimeField(null=True, blank=True)
    merged_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    merge_sha = models.CharField(max_length=64, blank=True)
    squash_sha = models.CharField(max_length=64, blank=True)
    head_sha = models.CharField(max_length=64, blank=True)
    base_ref = models.CharField(max_length=250, blank=True)
    head_ref = models.CharField(max_length=250, blank=True)
    labels = models.JSONField(default=list, blank=True)
    commits = models.JSONField(default=list, blank=True)  # sha, message, authored_at, author
    commits_truncated = models.BooleanField(default=False)
    paths = models.JSONField(null=True, blank=True)
    files_changed = models.PositiveIntegerField(null=True, blank=True)
    additions = models.PositiveIntegerField(null=True, blank=True)
    deletions = models.PositiveIntegerField(null=True, blank=True)
    stamps = models.JSONField(default=dict, blank=True)
    change = models.OneToOneField(
        Change, on_delete=models.SET_NULL, null=True, blank=True, related_name="pull_request"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "kind", "number"], name="adoption_pullrequest_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ChangeState.values), name="adoption_pullrequest_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="merged") | Q(merged_at__isnull=False),
                name="adoption_pullrequest_merged_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.number}"
