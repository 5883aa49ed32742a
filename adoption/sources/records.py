"""What every delivery source yields: commits, changes and deployments as frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple


class Person(NamedTuple):
    """A name as the source has it; who that is, the identity queue says."""

    name: str
    email: str


class CommitRecord(NamedTuple):
    """One commit. Times are aware; counts are None where the source does not say (merges).

    `ai_note` is the note of git-ai on it, empty where there is none.
    """

    file_index: int
    line: int
    sha: str
    parents: tuple[str, ...]
    authored_at: datetime
    committed_at: datetime
    author: Person
    committer: Person
    message: str
    files_changed: int | None
    insertions: int | None
    deletions: int | None
    on_default_branch: bool
    ai_note: str = ""


class TagRecord(NamedTuple):
    """One release tag; `tagged_at` is the tagger's date, for a lightweight tag the commit's."""

    file_index: int
    line: int
    name: str
    target: str
    tagged_at: datetime
    annotated: bool


class Account(NamedTuple):
    """A name that a provider knows somebody by: `github_login`, `gitlab_username`, `git_email`."""

    kind: str
    value: str
    name: str = ""


class SaidCommit(NamedTuple):
    """A commit as a provider lists it with a pull request: enough to look for signs of AI."""

    sha: str
    message: str = ""
    authored_at: datetime | None = None
    author: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """What a provider says at one moment about a pull or merge request or a direct commit.

    None means that it does not say; what is stored then stays. `observed_at` is the provider's own
    time of the statement: of two, the later one holds, whichever arrives first.

    Attributes:
        repository: its address without scheme, `github.com/acme/billing`.
        external_id: the number, for a commit its sha.
        state: open, merged or closed; merged is never taken back.
        merge_sha: the commit that brought it to its branch; None until it is merged.
        commits: what it was made of before the merge; `commits_from`: how many come before these
            in the provider's list, of which this is a further page.
        paths: files that it touches.
    """

    repository: str
    kind: Literal["pull_request", "merge_request", "commit"]
    external_id: str
    observed_at: datetime
    repository_url: str | None = None
    state: Literal["open", "merged", "closed"] | None = None
    title: str | None = None
    message: str | None = None
    url: str | None = None
    author: Account | None = None
    created_at: datetime | None = None
    first_commit_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_sha: str | None = None
    squash_sha: str | None = None
    head_sha: str | None = None
    base_ref: str | None = None
    head_ref: str | None = None
    labels: tuple[str, ...] | None = None
    commits: tuple[SaidCommit, ...] | None = None
    commits_truncated: bool | None = None
    commits_from: int = 0
    paths: tuple[str, ...] | None = None
    files_changed: int | None = None
    additions: int | None = None
    deletions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRecord:
    """What a provider says at one moment about one rollout of one service to one environment.

    Attributes:
        service: what is deployed; the repository itself when the source does not say.
        tier: as the source names it; `is_production` False when it says that it is none.
        status: in our words; `raw_status` in the source's; `status_at` is when it became so.
        sha: the commit deployed; None when only `artifact` is known.
        included: numbers of pull or merge requests that the provider lists as shipped with it;
            `included_goes_on`: they are a further page of that list.
        included_commits: commits that it lists, or the range since the one before.
        rolls_back_to, fixes: version or id of the deployment that is gone back to or repaired.
    """

    external_id: str
    observed_at: datetime
    status: str
    raw_status: str
    repository: str | None = None
    repository_url: str | None = None
    service: str | None = None
    environment: str | None = None
    tier: str | None = None
    is_production: bool | None = None
    status_at: datetime | None = None
    version: str | None = None
    sha: str | None = None
    ref: str | None = None
    url: str | None = None
    artifact: str | None = None
    trigger: str | None = None
    group_id: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    included: tuple[str, ...] | None = None
    included_goes_on: bool = False
    included_commits: tuple[str, ...] | None = None
    is_rollback: bool | None = None
    rolls_back_to: str | None = None
    fixes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRecord:
    """A branch moved from `before` to `after`, which contains `before` and all of `shas`.

    `picks`: pairs of a pushed commit and one that it says it repeats.
    """

    repository: str
    before: str | None
    after: str
    shas: tuple[str, ...]
    observed_at: datetime
    is_default: bool = False
    picks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord:
    """An artifact was packaged from a commit; how CDEvents joins a deployment to its commit."""

    artifact: str
    sha: str
    repository: str | None
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """What a source says at one moment about one incident. None means that it does not say.

    Attributes:
        service: key of the service that it is about.
        severity: in our words, worst first critical, high, medium, low; `raw_severity` in the
            source's.
        human_actioned: whether a person had to act on it.
        caused_by_deployment, fixed_by_deployment: id or version of a deployment.
        caused_by_change: number of a pull or merge request, or a commit.
    """

    external_id: str
    observed_at: datetime
    opened_at: datetime | None = None
    service: str | None = None
    title: str | None = None
    url: str | None = None
    severity: str | None = None
    raw_severity: str = ""
    downgraded_from: str | None = None
    human_actioned: bool | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    caused_by_deployment: str | None = None
    caused_by_change: str | None = None
    fixed_by_deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one payload says. `ignored` names the rule by which it is not taken."""

    changes: tuple[ChangeRecord, ...] = ()
    deployments: tuple[DeploymentRecord, ...] = ()
    pushes: tuple[PushRecord, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    incidents: tuple[IncidentRecord, ...] = ()
    ignored: str = ""

    @property
    def records(self) -> tuple[Any, ...]:
        """All of them."""
        return (
            *self.changes,
            *self.pushes,
            *self.artifacts,
            *self.deployments,
            *self.incidents,
        )
