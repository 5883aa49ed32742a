"""Storing what providers say about changes and deployments, from hooks, API, files and polls.

Each statement is put together with what is known (`adoption/deploys/merging.py`), so that doubled,
late and reordered ones end at the same rows. What rests on the whole history is worked out later,
once for many statements (`ask_for_placement`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adoption.choices import DeploymentStatus, EnvironmentTier
from adoption.deploys.config import DeployConfig
from adoption.deploys.merging import current_event, later_fields, with_event
from adoption.deploys.tiers import tier_of
from adoption.models import Artifact, Commit, Deployment, Incident, Repository, Service
from adoption.services.history_digests import text_digest
from adoption.services.incident_store import store_incident
from adoption.services.picks import save_picks
from adoption.services.pull_requests import store_commit_change, store_pull_request
from adoption.sources.records import (
    ArtifactRecord,
    ChangeRecord,
    DeploymentRecord,
    IncidentRecord,
    PushRecord,
    Reading,
)
from portal.imports.registry import import_sources
from portal.models import Connection, ImportRun, User
from portal.services.work import enqueue

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
PLACE_CHANGES = "adoption.place-changes"
PLACING_RESTS = 3.0  # seconds: a busy repository is placed so often, not after each of its hooks
MOST_AHEAD = timedelta(hours=24)  # clocks differ; a day ahead is a fault


class FutureStatementError(ValueError):
    """A statement is dated more than a day ahead, so its order among others means nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """What became of one record. An incident belongs to its service's repository, once known."""

    external_id: str
    outcome: str
    repository_id: int | None


def deploy_config(connection: Connection) -> DeployConfig:
    """The configuration of a connection of a deploy source."""
    config = import_sources.get(connection.source).config_model.model_validate(connection.config)
    if not isinstance(config, DeployConfig):
        raise TypeError(f"source {connection.source} brings no deployments")
    return config


class DeployStore:
    """Puts records of one connection into the database. Call within a transaction.

    It remembers the repositories that it met, so when a part of what it stored is taken back, go on
    with a new one.

    Args:
        run: the import run that brings them, if one does.
        at: now; statements from more than a day after it are refused.
    """

    def __init__(self, connection: Connection, *, at: datetime, run: ImportRun | None = None):
        self.connection = connection
        self.at = at
        self.run = run
        self.config = deploy_config(connection)
        self._repositories: dict[str, Repository] = {}

    def apply(self, reading: Reading) -> list[Stored]:
        """Store everything that one payload says.

        Raises:
            FutureStatementError: a record is dated more than a day ahead.
        """
        return [self.store(record) for record in reading.records]

    def store(self, record: Any) -> Stored:
        """Store one record of any kind.

        Raises:
            FutureStatementError: it is dated more than a day ahead.
        """
        if record.observed_at > self.at + MOST_AHEAD:
            raise FutureStatementError(
                f"It is dated {record.observed_at.isoformat()}, more than a day ahead of now; "
                "check the clock of its sender."
            )
        if isinstance(record, ChangeRecord):
            return self._store_change(record)
        if isinstance(record, DeploymentRecord):
            return self._store_deployment(record)
        if isinstance(record, PushRecord):
            return self._store_push(record)
        if isinstance(record, IncidentRecord):
            outcome = store_incident(record, connection=self.connection, run=self.run)
            return Stored(record.external_id, outcome, self._repository_of_incident(record))
        return self._store_artifact(record)

    # --- where it belongs ---------------------------------------------------------------------

    def repository(self, key: str, url: str | None = None) -> Repository:
        """The repository of that address, made when it is new."""
        key = self.config.repository(key)
        if key not in self._repositories:
            self._repositories[key], _ = Repository.objects.get_or_create(
                key=key, defaults={"name": key.rsplit("/", 1)[-1][:120], "url": (url or "")[:200]}
            )
        return self._repositories[key]

    def _service(self, record: DeploymentRecord) -> Service:
        name = record.service or record.repository or ""
        if record.repository is None:
            known = Service.objects.filter(key=name).select_related("repository").first()
            repository = known.repository if known else self.repository(name)
        else:
            repository = self.repository(record.repository, record.repository_url)
        key = (record.service or repository.key)[:200]
        service, is_new = Service.objects.get_or_create(
            key=key,
            defaults={
                "name": key.rsplit("/", 1)[-1][:120],
                "repository": repository,
                "first_delivers": self.config.first_deployment_delivers,
                "paths": list(self.config.paths.get(key, ())),
            },
        )
        paths = self.config.paths.get(key)
        if not is_new and paths is not None and service.paths != list(paths):
            service.paths = list(paths)
            service.save(update_fields=["paths"])
        return service

    def _repository_of_incident(self, record: IncidentRecord) -> int | None:
        """Where deliveries may have to be looked at again; of an update that names no service, that
        of the statements before."""
        said = Incident.objects.filter(connection=self.connection, external_id=record.external_id)
        rows = Service.objects.filter(key__in=said.exclude(service_key="").values("service_key"))
        return rows.values_list("repository_id", flat=True).first()

    # --- changes ------------------------------------------------------------------------------

    def _store_change(self, record: ChangeRecord) -> Stored:
        repository = self.repository(record.repository, record.repository_url)
        if record.kind == "commit":
            outcome = store_commit_change(record, repository=repository, run=self.run, at=self.at)
        else:
            outcome = store_pull_request(
                record,
                repository=repository,
                run=self.run,
                at=self.at,
                rules=self.config.declaration_rules,
            )
        return Stored(record.external_id, outcome, repository.pk)

    def _store_push(self, record: PushRecord) -> Stored:
        """The new end of a branch contains its former one and all that was pushed with it.

        A commit may be pushed to several branches; what any of them says it contains, it contains.
        """
        repository = self.repository(record.repository)
        row, is_new = Commit.objects.select_for_update().get_or_create(
            repository=repository,
            sha=record.after,
            defaults={
                "on_default_branch": record.is_default,
                "committed_at": record.observed_at,
                "content": text_digest("push"),
                "is_whole": False,
            },
        )
        before = (row.parents, row.pushed_from, row.on_default_branch, row.committed_at)
        if not row.is_whole:
            former = {*row.pushed_from.split(), *filter(None, [record.before])} - {record.after}
            inner = {*row.parents.split(), *filter(None, record.shas)} - former - {record.after}
            row.pushed_from = " ".join(sorted(former))
            row.parents = " ".join([*sorted(former), *sorted(inner)])
            row.committed_at = min(row.committed_at, record.observed_at)
        row.on_default_branch = row.on_default_branch or record.is_default
        moved = before != (row.parents, row.pushed_from, row.on_default_branch, row.committed_at)
        if moved:
            row.save()
        save_picks(repository, record.picks)
        outcome = CREATED if is_new else (UPDATED if moved else UNCHANGED)
        return Stored(record.after, outcome, repository.pk)

    # --- deployments --------------------------------------------------------------------------

    def _store_artifact(self, record: ArtifactRecord) -> Stored:
        row, is_new = Artifact.objects.select_for_update().get_or_create(
            connection=self.connection, key=record.artifact, defaults={"sha": record.sha}
        )
        said = {"sha": record.sha, "repository": record.repository}
        outcome = CREATED if is_new else _merge(row, said, record.observed_at)
        if is_new:
            _merge(row, said, record.observed_at)
        waiting = Deployment.objects.filter(connection=self.connection, artifact=record.artifact)
        repository = self.repository(record.repository or record.artifact)
        for deployment in waiting.select_for_update():
            if deployment.sha != row.sha and "sha" not in deployment.stamps:
                deployment.sha = row.sha
                deployment.save(update_fields=["sha"])
        ids = list(waiting.values_list("service__repository_id", flat=True)[:1])
        return Stored(record.artifact, outcome, ids[0] if ids else repository.pk)

    def _store_deployment(self, record: DeploymentRecord) -> Stored:
        row = (
            Deployment.objects.select_for_update(of=("self",))
            .select_related("service")
            .filter(connection=self.connection, external_id=record.external_id)
            .first()
        )
        is_new = row is None
        if row is None:
            row, is_new = self._new_deployment(record)
        before = _state_of(row)
        self._merge_deployment(row, record)
        if is_new or _state_of(row) != before:
            row.imported_by = self.run or row.imported_by
            row.save()
        outcome = CREATED if is_new else UNCHANGED if _state_of(row) == before else UPDATED
        return Stored(record.external_id, outcome, row.service.repository_id)

    def _new_deployment(self, record: DeploymentRecord) -> tuple[Deployment, bool]:
        return Deployment.objects.select_for_update(of=("self",)).get_or_create(
            connection=self.connection,
            external_id=record.external_id,
            defaults={
                "service": self._service(record),
                "environment": record.environment or "unknown",
                "tier": EnvironmentTier.OTHER,
                "status": DeploymentStatus.UNKNOWN,
                "content": text_digest(record.external_id),
            },
        )

    def _merge_deployment(self, row: Deployment, record: DeploymentRecord) -> None:
        goes_on = record.included_goes_on  # follows on the page before it, whatever its dates
        if goes_on:
            row.included = sorted({*row.included, *(record.included or ())})
        said: dict[str, Any] = {
            "version": record.version,
            "sha": record.sha,
            "ref": record.ref,
            "url": record.url,
            "artifact": record.artifact,
            "trigger": record.trigger,
            "group_id": record.group_id,
            "included": None if record.included is None or goes_on else sorted(record.included),
            "included_commits": None
            if record.included_commits is None
            else sorted(record.included_commits),
            "said_rollback": record.is_rollback,
            "rolls_back_to": record.rolls_back_to,
            "fixes": record.fixes,
            "finished_at": record.finished_at,
        }
        _merge(row, said, record.observed_at, save=False)
        self._merge_environment(row, record)
        for name in ("queued_at", "started_at"):  # the first time counts
            known, new = getattr(row, name), getattr(record, name)
            if new is not None and (known is None or new < known):
                setattr(row, name, new)
        when = record.status_at or record.observed_at
        row.events = with_event(row.events, when, record.raw_status, record.status)
        moment, row.raw_status, row.status = current_event(row.events)
        if row.status == DeploymentStatus.SUCCEEDED and row.finished_at is None:
            row.finished_at = datetime.fromisoformat(f"{moment}+00:00")
        if not row.sha and row.artifact:
            known_from = Artifact.objects.filter(connection=self.connection, key=row.artifact)
            row.sha = known_from.values_list("sha", flat=True).first() or ""

    def _merge_environment(self, row: Deployment, record: DeploymentRecord) -> None:
        """Name and tier belong together: both are those of the later statement."""
        if record.environment is None:
            return
        tier = tier_of(
            record.environment,
            explicit=record.tier,
            mapping=self.config.tiers,
            is_production=record.is_production,
        )
        pair = [record.environment[:120], tier]
        taken, row.stamps = later_fields(row.stamps, {"environment": pair}, record.observed_at)
        if taken:
            row.environment, row.tier = pair[0], EnvironmentTier(tier)


def _state_of(row: Deployment) -> tuple[Any, ...]:
    """Everything that a statement can change."""
    names = (
        "environment", "tier", "status", "raw_status", "version", "sha", "ref", "url", "artifact",
        "trigger", "group_id", "included", "included_commits", "said_rollback", "rolls_back_to",
        "fixes", "queued_at", "started_at", "finished_at", "events", "stamps",
    )  # fmt: skip
    return tuple(getattr(row, name) for name in names)


def _merge(
    row: Artifact | Deployment, said: Mapping[str, Any], at: datetime, *, save: bool = True
) -> str:
    """Take what is newer; whether anything was."""
    taken, stamps = later_fields(row.stamps, said, at)
    changed = [name for name, value in taken.items() if getattr(row, name) != value]
    for name, value in taken.items():
        setattr(row, name, value)
    moved = stamps != row.stamps
    row.stamps = stamps
    if save and moved:
        row.save()
    return UPDATED if changed else UNCHANGED


def ask_for_placement(
    *, repository_ids: Sequence[int | None], actor: User | None, at: datetime
) -> None:
    """Have deliveries of these repositories worked out anew, once for all that ask meanwhile."""
    for pk in sorted({each for each in repository_ids if each is not None}):
        enqueue(
            kind=PLACE_CHANGES,
            key=f"repository:{pk}",
            payload={"repository": pk},
            actor=actor,
            at=at,
        )
