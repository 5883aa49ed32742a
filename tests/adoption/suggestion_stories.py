"""A person with merged and deployed changes, for tests of suggestions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.models import Change, Identity, PullRequest, Repository, Suggestion, UseCase
from adoption.services.identities import link_identity
from adoption.services.suggestions import refresh_suggestions
from adoption.services.use_cases import link_repository
from portal.models import User
from tests.adoption.factories import NOW
from tests.adoption.histories import make_sha
from tests.adoption.importing import day

AUTHOR = "dev@acme.example"


def link(use_case: UseCase, key: str = "shop") -> None:
    """The repository's changes of 2026 belong to the use case."""
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(key=key),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=use_case.owner, at=NOW,
    )  # fmt: skip


def own(user: User, email: str | None = None) -> None:
    """Every imported change (or those of one address) is by this person."""
    rows = Identity.objects.all() if email is None else Identity.objects.filter(value=email)
    for identity in rows:
        link_identity(identity=identity, user=user, actor=None, at=NOW)


def make_request(author: User, number: int, **fields: Any) -> Change:
    """A merged pull request of `author` in production since 18 November, without any sign."""
    key = fields.pop("repository_key", "shop")
    repository, _ = Repository.objects.get_or_create(key=key, defaults={"name": key})
    identity, _ = Identity.objects.get_or_create(
        kind="login", value=f"dev{author.pk}", defaults={"user": author}
    )
    labels, branch = fields.pop("labels", []), fields.pop("branch", "")
    values: dict[str, Any] = {
        "sha": make_sha(10_000 + number),
        "title": f"Request {number}",
        "url": f"https://git.example.com/shop/pull/{number}",
        "author": identity,
        "merged_at": NOW - dt.timedelta(days=3),
        "delivered_at": NOW - dt.timedelta(days=2),
        "delivered_by": deployment(repository),
        "content": f"00000000-0000-0000-0000-{number:012d}",
    }
    change = Change.objects.create(
        repository=repository, kind="pull_request", external_id=str(number), **(values | fields)
    )
    PullRequest.objects.create(
        repository=repository, kind="pull_request", number=str(number), state="merged",
        merged_at=change.merged_at, labels=labels, head_ref=branch, change=change,
    )  # fmt: skip
    return change


def deployment(repository: Repository) -> Any:
    """A production deployment of the repository."""
    from adoption.models import Deployment, Service
    from portal.models import Connection

    connection, _ = Connection.objects.get_or_create(
        slug="pulls", defaults={"source": "generic", "kind": "deliveries", "name": "Pulls",
                                "created_at": NOW},
    )  # fmt: skip
    service, _ = Service.objects.get_or_create(
        key=repository.key, defaults={"name": repository.name, "repository": repository}
    )
    found, _ = Deployment.objects.get_or_create(
        connection=connection, external_id=f"deployment:{repository.key}",
        defaults={
            "service": service, "environment": "prod", "tier": "production",
            "status": "succeeded", "version": "2.0", "sha": "f" * 40,
            "finished_at": NOW - dt.timedelta(days=2),
            "content": "00000000-0000-0000-0000-000000000009",
        },
    )  # fmt: skip
    return found


def suggested(user: User, change: Change) -> Suggestion:
    """The one suggestion of a change for a person, as stored now."""
    return Suggestion.objects.get(user=user, change=change)


def offer(at: dt.datetime = NOW) -> None:
    """Make what is to be suggested at a moment."""
    refresh_suggestions(at=at)


__all__ = ["AUTHOR", "NOW", "day", "link", "make_request", "offer", "own", "suggested"]
