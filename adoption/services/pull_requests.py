"""Storing pull and merge requests and direct commits, and the changes that they become."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from adoption.choices import ChangeKind, ChangeState
from adoption.deploys.merging import later_fields
from adoption.evidence.classify import EvidenceFound, classify_commit, strongest
from adoption.evidence.declarations import DeclarationRules, read_declarations
from adoption.evidence.involvement import settle
from adoption.models import Change, Evidence, Identity, PullRequest, Repository
from adoption.services.declarations import store_declarations
from adoption.services.evidence_rows import evidence_row
from adoption.services.history_digests import text_digest
from adoption.sources.records import Account, ChangeRecord, Person, SaidCommit
from portal.models import ImportRun

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
_NOBODY = Person("", "")
_NO_RULES = DeclarationRules()
_FIELDS = (
    "state", "title", "message", "url", "author_id", "created_at", "first_commit_at", "merged_at",
    "closed_at", "merge_sha", "squash_sha", "head_sha", "base_ref", "head_ref", "labels",
    "commits", "commits_truncated", "paths", "files_changed", "additions", "deletions", "stamps",
)  # fmt: skip


def identity_id(account: Account | None) -> int | None:
    """The identity behind an account; a new one joins the queue unresolved."""
    if account is None:
        return None
    found, _ = Identity.objects.get_or_create(
        kind=account.kind[:32],
        value=account.value[:254],
        defaults={"display_name": account.name[:200]},
    )
    return found.pk


def store_pull_request(
    record: ChangeRecord,
    *,
    repository: Repository,
    run: ImportRun | None,
    at: datetime,
    rules: DeclarationRules = _NO_RULES,
) -> str:
    """Put one statement together with what is known; whether anything was new.

    Once it is merged it is a change, and stays one whatever comes later. `rules` say which of its
    labels and boxes declare something about AI.
    """
    row, is_new = PullRequest.objects.select_for_update().get_or_create(
        repository=repository, kind=record.kind, number=record.external_id
    )
    before = tuple(getattr(row, name) for name in _FIELDS)
    is_merged = row.state == ChangeState.MERGED
    said = _said(record)
    taken, row.stamps = later_fields(row.stamps, said, record.observed_at)
    if taken.pop("author", None):
        row.author_id = identity_id(record.author)
    for name, value in taken.items():
        setattr(row, name, value)
    if record.commits and record.commits_from:
        _add_commits(row, record)
    if record.first_commit_at is None and record.commits:
        moments = [each.authored_at for each in record.commits if each.authored_at]
        row.first_commit_at = min([*moments, *filter(None, [row.first_commit_at])], default=None)
    if record.state == "merged" or is_merged:
        row.state = ChangeState.MERGED
        row.merged_at = row.merged_at or record.merged_at or record.observed_at
    moved = before != tuple(getattr(row, name) for name in _FIELDS)
    if is_new or moved:
        row.save()
    if row.state == ChangeState.MERGED and (moved or row.change_id is None):
        _become_change(row, run, at, rules)
    return CREATED if is_new else (UPDATED if moved else UNCHANGED)


def _said(record: ChangeRecord) -> dict[str, Any]:
    commits = None
    if record.commits is not None and not record.commits_from:
        commits = [_commit_row(each) for each in record.commits]
    return {
        "state": record.state,
        "title": record.title,
        "message": record.message,
        "url": record.url,
        # Stamped by name: numbers of identities depend on who came first.
        "author": list(record.author) if record.author else None,
        "created_at": record.created_at,
        "first_commit_at": record.first_commit_at,
        "merged_at": record.merged_at,
        "closed_at": record.closed_at,
        "merge_sha": record.merge_sha,
        "squash_sha": record.squash_sha,
        "head_sha": record.head_sha,
        "base_ref": record.base_ref,
        "head_ref": record.head_ref,
        "labels": None if record.labels is None else sorted(record.labels),
        "commits": commits,
        "commits_truncated": record.commits_truncated,
        "paths": None if record.paths is None else sorted(record.paths),
        "files_changed": record.files_changed,
        "additions": record.additions,
        "deletions": record.deletions,
    }


def _add_commits(row: PullRequest, record: ChangeRecord) -> None:
    """A further page of its commits. It follows on the page before it, whatever its dates: a branch
    holds old commits after new ones."""
    start = record.commits_from
    if len(row.commits) >= start:
        row.commits = [*row.commits[:start], *map(_commit_row, record.commits or ())]


def _commit_row(commit: SaidCommit) -> dict[str, Any]:
    author = commit.author or _NOBODY
    return {
        "sha": commit.sha,
        "message": commit.message,
        "authored_at": commit.authored_at.isoformat() if commit.authored_at else None,
        "author": [author.name, author.email],
    }


def _become_change(
    row: PullRequest, run: ImportRun | None, at: datetime, rules: DeclarationRules
) -> None:
    if row.merged_at is None:  # the database refuses such a row as well
        raise ValueError(f"pull request {row.number} is merged and has no time of it")
    found = [
        sign
        for commit in row.commits
        for sign in classify_commit(commit["message"], Person(*commit["author"]), _NOBODY)
    ]
    best = strongest(found)
    change, _ = Change.objects.update_or_create(
        repository_id=row.repository_id,
        kind=row.kind,
        external_id=row.number,
        defaults={
            "sha": row.merge_sha or row.squash_sha,
            "title": row.title or row.number,
            "message": f"{row.title}\n\n{row.message}" if row.message else row.title,
            "url": row.url,
            "author_id": row.author_id,
            "first_commit_at": row.first_commit_at,
            "merged_at": row.merged_at,
            "files_changed": row.files_changed,
            "additions": row.additions,
            "deletions": row.deletions,
            "paths": row.paths,
            "content": text_digest(str(sorted(row.stamps.items()))),
            "strength": best.strength if best else "",
            "involvement": settle(best.strength if best else "", {})[1],
            **({"imported_by": run} if run else {}),
        },
    )
    _observe(change, found, at)
    said = read_declarations(rules, labels=row.labels, description=row.message)
    if said or change.declarations.exists():
        store_declarations(change, said, at=at)
    if row.change_id != change.pk:
        row.change = change
        row.save(update_fields=["change"])


def _observe(change: Change, found: Iterable[EvidenceFound], at: datetime) -> None:
    Evidence.objects.bulk_create(
        (evidence_row(change.pk, sign, at=at) for sign in found),
        ignore_conflicts=True,
    )


def store_commit_change(
    record: ChangeRecord, *, repository: Repository, run: ImportRun | None, at: datetime
) -> str:
    """A direct commit. What a Git import said about it is more, and stays."""
    author = next((each.author for each in record.commits or () if each.author), None) or _NOBODY
    found = classify_commit(record.message or "", author, _NOBODY)
    best = strongest(found)
    change, is_new = Change.objects.select_for_update().get_or_create(
        repository=repository,
        kind=ChangeKind.COMMIT,
        external_id=record.external_id,
        defaults={
            "sha": record.external_id,
            "title": record.title or record.external_id[:12],
            "message": record.message or "",
            "url": record.url or "",
            "author_id": identity_id(record.author),
            "first_commit_at": record.first_commit_at or record.merged_at,
            "merged_at": record.merged_at or record.observed_at,
            "paths": None if record.paths is None else sorted(record.paths),
            "content": text_digest(record.external_id),
            "strength": best.strength if best else "",
            "involvement": settle(best.strength if best else "", {})[1],
            "imported_by": run,
        },
    )
    if is_new:
        _observe(change, found, at)
        return CREATED
    if change.paths is None and record.paths is not None:
        change.paths = sorted(record.paths)
        change.save(update_fields=["paths"])
        return UPDATED
    return UNCHANGED
