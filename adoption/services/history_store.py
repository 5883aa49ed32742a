"""Storing a repository's history: commits, the changes and evidence in them, tags as deployments.

Nothing is ever deleted by an import: a chunk may hold any part of a history. What rests on the
whole graph (who delivered what, what was undone) is worked out again after each import, so any
order of chunks ends at the same result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Concat

from adoption.choices import ChangeKind, DeploymentStatus, EnvironmentTier
from adoption.evidence.classify import EvidenceFound, classify_commit, strongest
from adoption.evidence.git_notes import read_note
from adoption.evidence.involvement import settle
from adoption.history import read_subject
from adoption.models import Change, Commit, Deployment, Evidence, Identity, Repository, Service
from adoption.picks import read_picks
from adoption.services.evidence_rows import evidence_row
from adoption.services.history_digests import commit_digest, tag_digest
from adoption.services.picks import save_picks
from adoption.services.recompute import history_facts, recompute_repository
from adoption.sources.git.config import GitConfig
from adoption.sources.records import CommitRecord, Person, TagRecord
from portal.imports.registry import Plan
from portal.models import ImportRun

_BATCH = 500
_ENVIRONMENT = "release"


@dataclasses.dataclass
class _Difference:
    """What of the input is new, changed and as it was."""

    new_commits: list[CommitRecord] = dataclasses.field(default_factory=list)
    changed_commits: list[CommitRecord] = dataclasses.field(default_factory=list)
    new_tags: list[TagRecord] = dataclasses.field(default_factory=list)
    changed_tags: list[TagRecord] = dataclasses.field(default_factory=list)


class HistoryStore:
    """The store of one git import run. See `portal.imports.registry.Store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.config = GitConfig.model_validate(run.connection.config)
        self.key = self.config.repository or run.connection.slug
        self.commits: dict[str, CommitRecord] = {}
        self.tags: dict[str, TagRecord] = {}
        self.rows = 0
        self.difference = _Difference()

    def open(self) -> None:
        """Nothing to prepare: a history is kept in memory, of which the source's limits bound
        how much there can be."""

    def close(self) -> None:
        self.commits.clear()
        self.tags.clear()

    def stage(self, records: Sequence[CommitRecord | TagRecord]) -> int:
        for record in records:
            if isinstance(record, TagRecord):
                self.tags[record.name] = record
                continue
            known = self.commits.get(record.sha)
            if known is None or record.on_default_branch or not known.on_default_branch:
                self.commits[record.sha] = record
        self.rows += len(records)
        return len(records)

    # --- planning -----------------------------------------------------------------------------

    def plan(self) -> Plan:
        repository = Repository.objects.filter(key=self.key).first()
        self._compare_commits(repository)
        self._compare_tags()
        found = self.difference
        plan = Plan(
            inserted=len(found.new_commits) + len(found.new_tags),
            updated=len(found.changed_commits) + len(found.changed_tags),
        )
        plan.unchanged = self.rows - plan.inserted - plan.updated
        plan.facts["read"] = self._read_counts()
        return plan

    def _read_counts(self) -> dict[str, int]:
        on_branch = sum(commit.on_default_branch for commit in self.commits.values())
        return {
            "commits": on_branch,
            "off_branch_commits": len(self.commits) - on_branch,
            "tags": len(self.tags),
            "changes": on_branch,
            "deployments": len(self.tags),
        }

    def _compare_commits(self, repository: Repository | None) -> None:
        stored: dict[str, tuple[Any, bool]] = {}
        if repository is not None:
            for sha, content, on_branch in Commit.objects.filter(repository=repository).values_list(
                "sha", "content", "on_default_branch"
            ):
                stored[sha] = (content, on_branch)
        for record in self.commits.values():
            known = stored.get(record.sha)
            if known is None:
                self.difference.new_commits.append(record)
                continue
            # Once on the default branch, always: a chunk of side branches cannot take it off.
            on_branch = record.on_default_branch or known[1]
            if commit_digest(record, on_default_branch=on_branch) != known[0]:
                self.difference.changed_commits.append(record._replace(on_default_branch=on_branch))

    def _tier(self, tag: TagRecord) -> EnvironmentTier:
        production = self.config.is_production(tag.name)
        return EnvironmentTier.PRODUCTION if production else EnvironmentTier.OTHER

    def _compare_tags(self) -> None:
        stored = dict(
            Deployment.objects.filter(connection_id=self.run.connection_id).values_list(
                "external_id", "content"
            )
        )
        for tag in self.tags.values():
            known = stored.get(_tag_id(tag))
            if known is None:
                self.difference.new_tags.append(tag)
            elif known != tag_digest(tag, tier=self._tier(tag)):
                self.difference.changed_tags.append(tag)

    # --- applying -----------------------------------------------------------------------------

    def apply(self, plan: Plan, *, at: datetime) -> None:
        repository, _ = Repository.objects.get_or_create(
            key=self.key, defaults={"name": self.key.rsplit("/", 1)[-1], "url": self.config.url}
        )
        service, _ = Service.objects.get_or_create(
            key=self.key, defaults={"name": repository.name, "repository": repository}
        )
        # Where tags deploy nothing, others say what does, and whether its first one delivers.
        if (
            self.config.tags_are_production
            and service.first_delivers != self.config.first_release_delivers
        ):
            service.first_delivers = self.config.first_release_delivers
            service.save(update_fields=["first_delivers"])
        if plan.inserted or plan.updated:
            self._write_commits(repository)
            self._write_changes(repository, at)
            self._write_tags(service)
        picks = ((c.sha, other) for c in self.commits.values() for other in read_picks(c.message))
        save_picks(repository, picks)
        self._write_addresses(repository)
        # Also when no row differs: the connection's rules may have changed.
        recompute_repository(repository_id=repository.pk)
        plan.facts.update(history_facts(repository_id=repository.pk))

    def _write_addresses(self, repository: Repository) -> None:
        """Link everything anew when the connection names another web address."""
        if not self.config.url or self.config.url == repository.url:
            return
        repository.url = self.config.url
        repository.save(update_fields=["url"])
        Change.objects.filter(repository=repository, kind=ChangeKind.COMMIT).update(
            url=Concat(Value(f"{self.config.url.rstrip('/')}/commit/"), F("sha"))
        )

    def _write_commits(self, repository: Repository) -> None:
        rows = [
            Commit(
                repository=repository,
                sha=record.sha,
                parents=" ".join(record.parents),
                on_default_branch=record.on_default_branch,
                committed_at=record.committed_at,
                content=commit_digest(record, on_default_branch=record.on_default_branch),
                is_whole=True,
            )
            for record in (*self.difference.new_commits, *self.difference.changed_commits)
        ]
        Commit.objects.bulk_create(
            rows,
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["repository", "sha"],
            update_fields=["parents", "on_default_branch", "committed_at", "content", "is_whole"],
        )

    def _write_changes(self, repository: Repository, at: datetime) -> None:
        """Each commit of the default branch is a change, with the evidence seen in it."""
        records = [
            record
            for record in (*self.difference.new_commits, *self.difference.changed_commits)
            if record.on_default_branch
        ]
        identities = _save_identities({record.author for record in records})
        rows = [self._change(repository, record, identities) for record in records]
        fields = [
            "sha", "title", "message", "url", "author", "first_commit_at", "merged_at",
            "files_changed", "additions", "deletions", "content", "imported_by", "strength",
            "involvement",
        ]  # fmt: skip
        Change.objects.bulk_create(
            rows,
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["repository", "kind", "external_id"],
            update_fields=fields,
        )
        self._write_evidence(repository, records, at)

    def _change(
        self, repository: Repository, record: CommitRecord, identities: dict[str, int]
    ) -> Change:
        best = strongest(_signs_of(record))
        base = (self.config.url or repository.url).rstrip("/")
        return Change(
            repository=repository,
            kind=ChangeKind.COMMIT,
            external_id=record.sha,
            sha=record.sha,
            title=read_subject(record.message)[:500] or record.sha[:12],
            message=record.message,
            url=f"{base}/commit/{record.sha}" if base else "",
            author_id=identities[record.author.email],
            first_commit_at=record.authored_at,
            merged_at=record.committed_at,
            files_changed=record.files_changed,
            additions=record.insertions,
            deletions=record.deletions,
            content=commit_digest(record, on_default_branch=True),
            imported_by=self.run,
            strength=best.strength if best else "",
            involvement=settle(best.strength if best else "", {})[1],
        )

    def _write_evidence(
        self, repository: Repository, records: Sequence[CommitRecord], at: datetime
    ) -> None:
        """Evidence of a changed commit is observed anew; raw text stays with each sign."""
        changed = {record.sha for record in self.difference.changed_commits}
        if changed:
            Evidence.objects.filter(
                change__repository=repository, change__external_id__in=changed
            ).delete()
        with_signs = [(record, found) for record in records if (found := _signs_of(record))]
        ids = _change_ids(repository, [record.sha for record, _ in with_signs])
        rows = [
            evidence_row(ids[record.sha], sign, at=at)
            for record, found in with_signs
            for sign in found
        ]
        Evidence.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)

    def _write_tags(self, service: Service) -> None:
        rows = [
            Deployment(
                connection_id=self.run.connection_id,
                service=service,
                external_id=_tag_id(tag),
                environment=_ENVIRONMENT,
                tier=self._tier(tag),
                status=DeploymentStatus.SUCCEEDED,
                version=tag.name,
                sha=tag.target,
                finished_at=tag.tagged_at,
                content=tag_digest(tag, tier=self._tier(tag)),
                imported_by=self.run,
            )
            for tag in (*self.difference.new_tags, *self.difference.changed_tags)
        ]
        Deployment.objects.bulk_create(
            rows,
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["connection", "external_id"],
            update_fields=["tier", "sha", "finished_at", "content", "imported_by"],
        )


def _signs_of(record: CommitRecord) -> tuple[EvidenceFound, ...]:
    """What the message, the people and git-ai's note say; a note on a merge repeats its branch."""
    signs = classify_commit(record.message, record.author, record.committer)
    if record.ai_note and len(record.parents) < 2:
        signs += read_note(record.ai_note, added=record.insertions)
    return signs


def _tag_id(tag: TagRecord) -> str:
    return f"tag:{tag.name}"[:200]


def _save_identities(people: Iterable[Person]) -> dict[str, int]:
    """Identity ids by e-mail address; the ones not known yet join the queue unresolved."""
    names = {person.email: person.name for person in people}
    Identity.objects.bulk_create(
        (
            Identity(kind="git_email", value=email, display_name=name[:200])
            for email, name in sorted(names.items())
        ),
        batch_size=_BATCH,
        ignore_conflicts=True,
    )
    ids: dict[str, int] = {}
    emails = sorted(names)
    for start in range(0, len(emails), _BATCH):
        part = emails[start : start + _BATCH]
        ids.update(
            Identity.objects.filter(kind="git_email", value__in=part).values_list("value", "pk")
        )
    return ids


def _change_ids(repository: Repository, shas: Sequence[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for start in range(0, len(shas), _BATCH):
        ids.update(
            Change.objects.filter(
                repository=repository,
                kind=ChangeKind.COMMIT,
                external_id__in=shas[start : start + _BATCH],
            ).values_list("external_id", "pk")
        )
    return ids
