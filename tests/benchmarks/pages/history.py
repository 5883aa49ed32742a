"""A year of changes with evidence, deployments and deliveries."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction

from adoption.choices import (
    AiAssistance,
    ChangeKind,
    DeliveryState,
    DeploymentStatus,
    EnvironmentTier,
    Strength,
)
from adoption.models import (
    Change,
    Commit,
    Delivery,
    Deployment,
    Evidence,
    Identity,
    Repository,
    RepositoryLink,
    Service,
    UseCase,
)
from portal.choices import ImportKind
from portal.models import Connection, ImportRun, User
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.costs import applied_run
from tests.benchmarks.pages.sizes import DAYS, Calendar, Sizes

_SLOTS = 2_003  # a prime
_SECONDS = DAYS * 24 * 3600
_WEEK = 7 * 24 * 3600
_HELD_AFTER = dt.timedelta(days=14)
# Of ten changes: four carry evidence, one of them inferred only.
_STRENGTHS = {0: Strength.AUTONOMOUS, 1: Strength.ASSISTED, 2: Strength.DECLARED,
              3: Strength.INFERRED}  # fmt: skip


def fill_history(sizes: Sizes, calendar: Calendar) -> None:
    """Everything that happened, committed step by step."""
    repositories, connections = _repositories(sizes, calendar)
    links = _links(repositories, calendar)
    _stage_authors(sizes)
    _stage_repositories(repositories)
    _stage_deployments(repositories, connections, calendar)
    _insert_changes(sizes, calendar)
    _insert_commits()
    _insert_evidence()
    _stage_bearers(links, repositories)
    _insert_deliveries(calendar)
    _insert_other_work(calendar)


def _repositories(sizes: Sizes, calendar: Calendar) -> tuple[list[Repository], list[Connection]]:
    numbers = range(sizes.repositories)
    repositories = Repository.objects.bulk_create(
        Repository(
            key=f"code.example/repository-{number}",
            name=f"repository-{number}",
            url=f"https://code.example/repository-{number}",
        )
        for number in numbers
    )
    connections = Connection.objects.bulk_create(
        Connection(
            slug=f"git-{number}",
            name=f"Repository {number}",
            source="git",
            kind=ImportKind.DELIVERIES,
            created_at=calendar.moment(0),
        )
        for number in numbers
    )
    ImportRun.objects.bulk_create(
        (
            applied_run(connection, calendar.moment(day))
            for day in range(60, DAYS, 60)
            for connection in connections
        ),
        batch_size=500,
    )
    return repositories, connections


def _links(repositories: list[Repository], calendar: Calendar) -> list[RepositoryLink]:
    """One or two repositories a use case; several share one."""
    count = len(repositories)
    pairs: dict[tuple[int, int], RepositoryLink] = {}
    for number, use_case_id in enumerate(
        UseCase.objects.order_by("pk").values_list("pk", flat=True)
    ):
        for place in {number % count, number * 7 % count}:
            repository = repositories[place]
            pairs[use_case_id, repository.pk] = RepositoryLink(
                use_case_id=use_case_id, repository=repository, starts_on=calendar.start
            )
    return RepositoryLink.objects.bulk_create(pairs.values(), batch_size=1000)


def _stage_authors(sizes: Sizes) -> None:
    people = list(User.objects.order_by("pk"))
    authors = Identity.objects.bulk_create(
        Identity(
            kind="git_email",
            value=person.email,
            display_name=person.full_name,
            user=person if number % 2 else None,
        )
        for number, person in enumerate(people)
    )
    bulk.lookup_table(
        "bench_author",
        {"place": "integer", "identity_id": "bigint", "user_id": "bigint"},
        ["place"],
        ((place, each.pk, people[place].pk) for place, each in enumerate(authors)),
    )


def _stage_repositories(repositories: list[Repository]) -> None:
    """As many slots for each repository as it has work; the first has a tenth of it."""
    weights = [1 / (number + 4) ** 0.8 for number in range(len(repositories))]
    rest = sum(weights[1:])
    weights[0] = rest / 9
    rows: list[tuple[int, int, int]] = []
    used = 0.0
    for place, (repository, weight) in enumerate(zip(repositories, weights, strict=True)):
        used += weight
        for slot in range(len(rows), round(used / (rest + weights[0]) * _SLOTS)):
            rows.append((slot, repository.pk, place))
    bulk.lookup_table(
        "bench_work",
        {"slot": "integer", "repository_id": "bigint", "place": "integer"},
        ["slot"],
        rows,
    )


def _stage_deployments(
    repositories: list[Repository], connections: list[Connection], calendar: Calendar
) -> None:
    """One production deployment a week and service; the last week waits for its own."""
    services = Service.objects.bulk_create(
        Service(key=each.key, name=each.name, repository=each) for each in repositories
    )
    midnight = calendar.moment(0, 0)
    deployments = [
        Deployment(
            connection=connections[place],
            service=service,
            external_id=f"release-{week}",
            environment="production",
            tier=EnvironmentTier.PRODUCTION,
            status=DeploymentStatus.SUCCEEDED,
            version=f"v1.{week}",
            sha=uuid.uuid5(uuid.NAMESPACE_URL, f"{place}/{week}").hex,
            finished_at=midnight + dt.timedelta(weeks=week + 1),
            content=uuid.UUID(int=week),
        )
        for place, service in enumerate(services)
        for week in range(_SECONDS // _WEEK)
    ]
    stored = Deployment.objects.bulk_create(deployments, batch_size=1000)
    weeks = _SECONDS // _WEEK
    bulk.lookup_table(
        "bench_deployment",
        {"place": "integer", "week": "integer", "deployment_id": "bigint", "at": "datetime"},
        ["place", "week"],
        (
            (number // weeks, number % weeks, each.pk, each.finished_at)
            for number, each in enumerate(stored)
        ),
    )


def _insert_changes(sizes: Sizes, calendar: Calendar) -> None:
    """Changes in the order in which they were merged; one in fifty was undone."""
    bulk.number_table("bench_number", sizes.changes)
    step = _SECONDS // sizes.changes
    strength = " ".join(f"WHEN {place} THEN '{each.value}'" for place, each in _STRENGTHS.items())
    merged_at = bulk.moment_of(calendar.start, f"n.n * {step}")
    with transaction.atomic():
        bulk.insert_select(
            Change,
            {
                "repository_id": "w.repository_id", "kind": f"'{ChangeKind.COMMIT.value}'",
                "external_id": bulk.sha_of("n.n"), "sha": bulk.sha_of("n.n"),
                "title": "'Prepare drafts for request number ' || n.n",
                "message": "'Prepare drafts for request number ' || n.n || "
                "', and keep what the person changed in them beside the draft.'",
                "url": f"'https://code.example/commit/' || {bulk.sha_of('n.n')}",
                "author_id": "a.identity_id", "merged_at": merged_at,
                "first_commit_at": merged_at, "files_changed": "n.n % 9 + 1",
                "content": bulk.uuid_of("n.n"),
                "strength": f"CASE n.n % 10 {strength} ELSE '' END",
                "reverted_at": "CASE WHEN n.n % 50 = 7 AND d.deployment_id IS NOT NULL "
                "THEN d.at END",
                "delivered_by_id": "d.deployment_id", "delivered_at": "d.at",
            },
            f"bench_number n "
            f"JOIN bench_work w ON w.slot = (n.n * 7919) % {_SLOTS} "
            f"JOIN bench_author a ON a.place = (n.n * 13) % {sizes.people} "
            f"LEFT JOIN bench_deployment d ON d.place = w.place AND d.week = n.n * {step} / {_WEEK}"
            " AND n.n % 20 <> 3 ORDER BY n.n",
        )  # fmt: skip
    if bulk.is_postgres():
        bulk.execute("ANALYZE adoption_change")


def _insert_commits() -> None:
    with transaction.atomic():
        bulk.insert_select(
            Commit,
            {
                "repository_id": "c.repository_id", "sha": "c.sha",
                "on_default_branch": "1 = 1", "committed_at": "c.merged_at",
                "content": "c.content",
            },
            "adoption_change c ORDER BY c.id",
        )  # fmt: skip


def _insert_evidence() -> None:
    """One sign on each change that has any, and a second one on every third."""
    with transaction.atomic():
        for place, condition in enumerate(("1 = 1", "c.id % 3 = 0")):
            bulk.insert_select(
                Evidence,
                {
                    "change_id": "c.id", "channel": f"'trailer-{place}'",
                    "agent": "CASE c.id % 3 WHEN 0 THEN 'claude' WHEN 1 THEN 'copilot' "
                    "ELSE 'cursor' END",
                    "strength": "c.strength",
                    "raw": "'Co-authored-by: an assistant <noreply@example.org>'",
                    "raw_digest": "c.content", "rule_key": "'co-author-trailer'",
                    "rule_version": "1", "observed_at": "c.merged_at",
                },
                f"adoption_change c WHERE c.strength <> '' AND {condition} ORDER BY c.id",
            )  # fmt: skip


def _stage_bearers(links: list[RepositoryLink], repositories: list[Repository]) -> None:
    """Four places a repository, over the use cases that it is linked to."""
    by_repository: dict[int, list[int]] = {}
    for link in links:
        by_repository.setdefault(link.repository_id, []).append(link.use_case_id)
    heaviest = repositories[0].pk
    rows: list[tuple[int, int, int]] = []
    for pk, use_cases in by_repository.items():
        chosen = use_cases[:1] if pk == heaviest else use_cases
        rows.extend((pk, place, chosen[place % len(chosen)]) for place in range(4))
    bulk.lookup_table(
        "bench_link",
        {"repository_id": "bigint", "place": "integer", "use_case_id": "bigint"},
        ["repository_id", "place"],
        rows,
    )


def _insert_deliveries(calendar: Calendar) -> None:
    """Every other change with evidence was logged; its state is what was observed."""
    settled = calendar.moment(DAYS, 0) - _HELD_AFTER
    moment = settled if bulk.is_postgres() else settled.replace(tzinfo=None)
    before = f"c.delivered_at <= '{moment.isoformat(' ')}'"
    state = (
        f"CASE WHEN c.reverted_at IS NOT NULL THEN '{DeliveryState.REVERTED.value}' "
        f"WHEN {before} THEN '{DeliveryState.HELD.value}' "
        f"WHEN c.delivered_at IS NOT NULL THEN '{DeliveryState.DEPLOYED.value}' "
        f"ELSE '{DeliveryState.MERGED.value}' END"
    )
    held_at = f"CASE WHEN c.reverted_at IS NULL AND {before} THEN c.delivered_at END"
    columns = {
        "use_case_id": "k.use_case_id", "change_id": "c.id", "title": "c.title", "link": "c.url",
        "assistance": f"'{AiAssistance.ASSISTED.value}'", "claimed_by_id": "a.user_id",
        "claimed_at": "c.merged_at", "state": state, "state_reason": "''",
        "merged_at": "c.merged_at", "deployed_at": "c.delivered_at", "held_at": held_at,
        "reverted_at": "c.reverted_at",
    }  # fmt: skip
    with transaction.atomic():
        bulk.insert_select(
            Delivery,
            columns,
            "adoption_change c "
            "JOIN bench_link k ON k.repository_id = c.repository_id AND k.place = c.id / 2 % 4 "
            "JOIN bench_author a ON a.identity_id = c.author_id "
            "WHERE c.strength <> '' AND c.id % 2 = 0 ORDER BY c.id",
        )


def _insert_other_work(calendar: Calendar) -> None:
    """Work that is not code: two a use case, one of them confirmed by its owner."""
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    deliveries = []
    for number, use_case in enumerate(UseCase.objects.order_by("pk")):
        for is_confirmed in (True, False):
            other = people[(number + 1) % len(people)]
            deliveries.append(
                Delivery(
                    use_case=use_case,
                    title=f"Guide {number}",
                    link=f"https://docs.example/guide-{number}-{int(is_confirmed)}",
                    claimed_by_id=other,
                    claimed_at=calendar.moment(number % DAYS),
                    state=DeliveryState.CONFIRMED if is_confirmed else DeliveryState.CLAIMED,
                    reviewed_by_id=use_case.owner_id if is_confirmed else None,
                    reviewed_at=calendar.moment(number % DAYS, 9) if is_confirmed else None,
                )
            )
    Delivery.objects.bulk_create(deliveries, batch_size=1000)
