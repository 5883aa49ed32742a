"""Where changes happen, the commit graph, and changes themselves."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from adoption.choices import ChangeKind, Containment, Involvement, RevertMethod, Strength
from adoption.models.identities import Identity
from adoption.models.use_cases import UseCase


class Repository(models.Model):
    """A repository. `key` is its address without scheme, or the name that its connection gives."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=120)
    url = models.URLField(blank=True)

    class Meta:
        verbose_name_plural = "repositories"

    def __str__(self) -> str:
        return self.name


class RepositoryLink(models.Model):
    """A dated statement that changes of a repository belong to a use case."""

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="repository_links")
    repository = models.ForeignKey(
        Repository, on_delete=models.PROTECT, related_name="use_case_links"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)  # exclusive

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="adoption_repositorylink_period_is_half_open",
            ),
            models.UniqueConstraint(
                fields=["use_case", "repository", "starts_on"],
                name="adoption_repositorylink_starts_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id} → {self.use_case_id}"


class Commit(models.Model):
    """A node of a repository's history, kept so that containment can be worked out again.

    Commits off the default branch are here too (a maintenance release needs them); they are not
    changes. `parents` are shas, blank-separated, in git's order.
    """

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="commits")
    sha = models.CharField(max_length=64)
    parents = models.TextField(blank=True)
    on_default_branch = models.BooleanField()
    committed_at = models.DateTimeField()
    content = models.UUIDField()  # digest of what the source said, to see whether it changed
    # False: known from a push only, and `parents` is the branch's former end, then the rest of the
    # push. That is right for what contains what; a Git import replaces it.
    is_whole = models.BooleanField(default=True)
    pushed_from = models.TextField(blank=True)  # those former ends, blank-separated

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "sha"], name="adoption_commit_once"),
        ]

    def __str__(self) -> str:
        return self.sha[:12]


class CherryPick(models.Model):
    """A commit that says that it repeats another one (`git cherry-pick -x`)."""

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="picks")
    sha = models.CharField(max_length=64)
    picked_from = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "sha", "picked_from"], name="adoption_cherrypick_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sha[:12]} repeats {self.picked_from[:12]}"


class Change(models.Model):
    """One merged unit of work: pull request, merge request or direct commit.

    `delivered_by` is the *first* production deployment whose history contains it; `strength` is
    that of its strongest evidence, empty when there is none (which is *unknown*, not *human*).
    `involvement` follows from evidence and from what people declared: `evidence/involvement.py`.
    """

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=16, choices=ChangeKind)
    external_id = models.CharField(max_length=200)  # for a commit: its sha
    sha = models.CharField(max_length=64)  # the commit that brought it to the default branch
    title = models.CharField(max_length=500)
    message = models.TextField(blank=True)
    url = models.URLField(blank=True, max_length=500)
    author = models.ForeignKey(
        Identity, on_delete=models.PROTECT, null=True, blank=True, related_name="changes"
    )
    first_commit_at = models.DateTimeField(null=True, blank=True)
    merged_at = models.DateTimeField()
    files_changed = models.PositiveIntegerField(null=True, blank=True)
    additions = models.PositiveIntegerField(null=True, blank=True)
    deletions = models.PositiveIntegerField(null=True, blank=True)
    content = models.UUIDField()
    imported_by = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    strength = models.CharField(max_length=16, choices=Strength, blank=True)
    involvement = models.CharField(max_length=8, choices=Involvement, default=Involvement.UNKNOWN)
    reverts = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reverted_by"
    )
    revert_method = models.CharField(max_length=16, choices=RevertMethod, blank=True)
    reverted_at = models.DateTimeField(null=True, blank=True)  # when it was undone, if it was
    delivered_by = models.ForeignKey(
        "adoption.Deployment",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="delivered_changes",
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    delivered_how = models.CharField(max_length=16, choices=Containment, blank=True)
    rolled_back_at = models.DateTimeField(null=True, blank=True)  # out of production since
    restored_at = models.DateTimeField(null=True, blank=True)  # and back in since
    # A commit that is a step of a pull request counts with it and not by itself.
    part_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="parts",
        db_index=False,  # below, for steps only: no plan should walk all the others
    )
    paths = models.JSONField(null=True, blank=True)  # files it touches, where the source says so

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "kind", "external_id"], name="adoption_change_once"
            ),
            models.CheckConstraint(
                condition=Q(strength="") | Q(strength__in=Strength.values),
                name="adoption_change_known_strength",
            ),
            models.CheckConstraint(
                condition=Q(involvement__in=Involvement.values),
                name="adoption_change_known_involvement",
            ),
            models.CheckConstraint(
                condition=Q(delivered_by__isnull=True, delivered_at__isnull=True)
                | Q(delivered_by__isnull=False, delivered_at__isnull=False),
                name="adoption_change_delivered_whole",
            ),
        ]
        indexes = [
            # The last two are there so that counting evidence reads the index alone.
            models.Index(
                fields=["repository", "-merged_at", "strength", "delivered_at"],
                name="adoption_change_by_merge",
            ),
            # What a use case counts: not the steps of a change, and by what is known of AI in it.
            models.Index(
                fields=["repository", "-merged_at", "involvement", "strength"],
                name="adoption_change_counted",
                condition=Q(part_of__isnull=True),
            ),
            models.Index(
                fields=["repository", "delivered_at"],
                name="adoption_change_ai_delivered",
                condition=~Q(strength=""),
            ),
            # What was just delivered, in whichever repository: suggestions are made of it.
            models.Index(
                fields=["part_of"],
                name="adoption_change_steps",
                condition=Q(part_of__isnull=False),
            ),
            models.Index(
                fields=["-delivered_at"],
                name="adoption_change_fresh",
                condition=Q(delivered_at__isnull=False, part_of__isnull=True),
            ),
            # A pasted link names an address or a commit, and any repository may have it.
            models.Index(fields=["sha"], name="adoption_change_by_sha"),
            models.Index(fields=["url"], name="adoption_change_by_address", condition=~Q(url="")),
        ]

    def __str__(self) -> str:
        return self.title
