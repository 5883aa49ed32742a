"""The facts of the portfolio: coverage, next milestones, other rooms' columns, queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeliveryState, EnvironmentTier, Stage, Strength
from adoption.metrics.registry import NANO
from adoption.models import (
    Change,
    Delivery,
    Deployment,
    Repository,
    RepositoryLink,
    Service,
    UseCase,
)
from adoption.selectors import evidence_coverage as coverage_selectors
from adoption.selectors.evidence_coverage import (
    EvidenceCoverage,
    Reach,
    evidence_coverage,
    pieces_of,
)
from adoption.selectors.portfolio import (
    PortfolioColumn,
    portfolio_columns,
    portfolio_facts,
    portfolio_rows,
    registered_columns,
)
from adoption.services.milestones import measure_milestones
from portal.models import Connection
from portal.shell.figures import Figure
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    registered_metric,
)

pytestmark = pytest.mark.django_db
DIGEST = "00000000-0000-0000-0000-000000000000"


def make_delivered_change(
    repository: Repository, merged_at: dt.datetime, strength: str = "", *, is_delivered: bool = True
) -> Change:
    """A change that a production deployment brought (or none, with `is_delivered=False`)."""
    number = Change.objects.count()
    deployment = None
    if is_delivered:
        deployment = Deployment.objects.create(
            connection=Connection.objects.get_or_create(
                slug="git",
                defaults={
                    "name": "git",
                    "source": "git",
                    "kind": "deliveries",
                    "created_at": NOW,
                },
            )[0],
            service=Service.objects.get_or_create(
                key=repository.key, defaults={"name": "s", "repository": repository}
            )[0],
            external_id=f"d{number}",
            environment="production",
            tier=EnvironmentTier.PRODUCTION,
            status="succeeded",
            sha=f"{number:040}",
            finished_at=merged_at,
            content=DIGEST,
        )
    return Change.objects.create(
        repository=repository,
        kind="commit",
        external_id=f"{number:040}",
        sha=f"{number:040}",
        title="A change",
        merged_at=merged_at,
        strength=strength,
        content=DIGEST,
        delivered_by=deployment,
        delivered_at=merged_at if is_delivered else None,
    )


def _link(use_case: UseCase, start: str, end: str | None = None) -> Repository:
    repository = Repository.objects.create(key=f"r{use_case.pk}", name="r")
    RepositoryLink.objects.create(
        use_case=use_case,
        repository=repository,
        starts_on=dt.date.fromisoformat(start),
        ends_on=dt.date.fromisoformat(end) if end else None,
    )
    return repository


@pytest.mark.both_engines
def test_coverage_counts_delivered_changes_by_what_is_known() -> None:
    use_case = make_use_case()
    repository = _link(use_case, "2026-03-01")
    noon = dt.datetime(2026, 3, 5, 12, tzinfo=dt.UTC)
    for strength in (Strength.AUTONOMOUS, Strength.DECLARED, Strength.INFERRED, "", ""):
        make_delivered_change(repository, noon, strength)
    make_delivered_change(repository, noon, Strength.ASSISTED, is_delivered=False)
    coverage = evidence_coverage([use_case.pk])[use_case.pk]
    assert coverage == EvidenceCoverage(delivered=5, covered=2, inferred=1)
    assert (coverage.unknown, coverage.share) == (2, 0.4)


@pytest.mark.both_engines
def test_a_link_holds_from_midnight_to_midnight_in_the_programmes_zone() -> None:
    use_case = make_use_case(programme=make_programme(time_zone="Asia/Tokyo"))
    repository = _link(use_case, "2026-03-02", "2026-03-03")
    first = dt.datetime(2026, 3, 1, 15, 0, tzinfo=dt.UTC)  # midnight of 2 March in Tokyo
    make_delivered_change(repository, first - dt.timedelta(microseconds=1))
    make_delivered_change(repository, first)
    make_delivered_change(repository, first + dt.timedelta(hours=24, microseconds=-1))
    make_delivered_change(repository, first + dt.timedelta(hours=24))
    assert evidence_coverage([use_case.pk])[use_case.pk].delivered == 2


@pytest.mark.both_engines
@pytest.mark.parametrize("at_once", [1, 2, 8_000])
def test_links_that_overlap_count_each_change_of_theirs_however_many_share_it(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_selectors, "_PIECES_AT_ONCE", at_once)
    windows = [("03-01", None), ("03-03", None), ("03-02", "03-05"), ("03-01", "03-03"),
               ("03-06", "03-07"), ("03-01", None)]  # fmt: skip
    programmes = [make_programme(time_zone=zone) for zone in ("Asia/Tokyo", "America/New_York")]
    repository = Repository.objects.create(key="shared", name="r")
    links = []
    for number, (start, end) in enumerate(windows):
        links.append(
            RepositoryLink.objects.create(
                use_case=make_use_case(programme=programmes[number % 2]), repository=repository,
                starts_on=dt.date.fromisoformat(f"2026-{start}"),
                ends_on=dt.date.fromisoformat(f"2026-{end}") if end else None,
            )
        )  # fmt: skip
    merged = [
        dt.datetime(2026, 2, 27, tzinfo=dt.UTC) + n * dt.timedelta(hours=7) for n in range(40)
    ]
    for moment in merged:
        make_delivered_change(repository, moment)
    found = evidence_coverage([link.use_case_id for link in links])
    for link in links:
        zone = ZoneInfo(link.use_case.programme.time_zone)
        days = [moment.astimezone(zone).date() for moment in merged]
        wanted = [
            d for d in days if link.starts_on <= d and not (link.ends_on and d >= link.ends_on)
        ]
        assert found[link.use_case_id].delivered == len(wanted)


def test_reaches_are_cut_where_another_of_their_repository_begins_or_ends() -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime(2026, 3, day, tzinfo=dt.UTC)

    long, late, other = Reach(1, at(1), at(9)), Reach(1, at(4), at(9)), Reach(2, at(2), at(3))
    assert pieces_of([long, late, other, long]) == {
        long: [Reach(1, at(1), at(4)), late],
        late: [late],
        other: [other],
    }


def test_use_cases_that_share_a_repository_are_covered_each_and_links_add_up() -> None:
    programme = make_programme()
    first, second = make_use_case(programme=programme), make_use_case(programme=programme)
    shared, own = _link(first, "2026-03-01"), _link(second, "2026-03-01")
    RepositoryLink.objects.create(use_case=second, repository=shared, starts_on=dt.date(2026, 3, 1))
    make_delivered_change(shared, NOW, Strength.ASSISTED)
    make_delivered_change(own, NOW)
    assert evidence_coverage([first.pk, second.pk]) == {
        first.pk: EvidenceCoverage(1, 1, 0),
        second.pk: EvidenceCoverage(2, 1, 0),
    }


def test_nothing_linked_is_not_the_same_as_nothing_delivered() -> None:
    without, linked = make_use_case(), make_use_case()
    _link(linked, "2026-03-01")
    facts = portfolio_facts(use_case_ids=[without.pk, linked.pk], now=NOW)
    assert facts[without.pk].coverage is None
    coverage = facts[linked.pk].coverage
    assert coverage is not None
    assert coverage.share is None


def test_held_counts_confirmed_work_and_leaves_out_rejected_claims() -> None:
    use_case = make_use_case()
    states: tuple[tuple[DeliveryState, dict[str, Any]], ...] = (
        (DeliveryState.HELD, {"held_at": NOW}),
        (DeliveryState.CONFIRMED, {"reviewed_by": make_user(), "reviewed_at": NOW}),
        (DeliveryState.MERGED, {}),
        (DeliveryState.REJECTED, {}),
    )
    for state, fields in states:
        Delivery.objects.create(
            use_case=use_case,
            title="d",
            claimed_by=use_case.owner,
            claimed_at=NOW,
            state=state,
            **fields,
        )
    facts = portfolio_facts(use_case_ids=[use_case.pk], now=NOW)[use_case.pk]
    assert (facts.held, facts.other_deliveries) == (2, [("Merged", 1)])
    assert portfolio_rows(use_case.owner).get().held == 2  # type: ignore[attr-defined]


def test_the_next_milestone_is_the_open_one_due_first_and_none_after_the_end() -> None:
    use_case = make_use_case()
    with registered_metric() as things:
        make_milestone(use_case, due_on=dt.date(2026, 10, 1), threshold_nano=1 * NANO)
        make_milestone(use_case, due_on=dt.date(2026, 10, 2), threshold_nano=9 * NANO)
        later = make_milestone(use_case, due_on=dt.date(2026, 12, 24), threshold_nano=9 * NANO)
        make_milestone(use_case, due_on=dt.date(2026, 12, 30), threshold_nano=9 * NANO)
        things.set(use_case, 1)
        measure_milestones(use_case_ids=[use_case.pk], at=NOW)
        facts = portfolio_facts(use_case_ids=[use_case.pk], now=NOW)[use_case.pk]
        assert facts.next_milestone is not None
        assert facts.next_milestone.milestone == later
        assert facts.next_milestone.when == "in 34 days"
        assert (facts.reached, facts.missed, len(facts.milestones)) == (1, 1, 4)
        assert portfolio_rows(use_case.owner).get().next_due == later.due_on  # type: ignore[attr-defined]
        UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.STOPPED)
        facts = portfolio_facts(use_case_ids=[use_case.pk], now=NOW)[use_case.pk]
    assert facts.next_milestone is None
    assert portfolio_rows(use_case.owner).get().next_due is None  # type: ignore[attr-defined]


def test_another_room_adds_a_column() -> None:
    known, unknown = make_use_case(), make_use_case()

    def values(use_case_ids: Sequence[int]) -> dict[int, Figure]:
        figure = Figure.money("Cost", 5 * NANO, "USD", status=FigureStatus.FINAL, basis="Metered")
        return {known.pk: figure}

    column = portfolio_columns.register(PortfolioColumn("test.cost", "Cost", 10, values))
    try:
        facts = portfolio_facts(use_case_ids=[known.pk, unknown.pk], now=NOW)
    finally:
        portfolio_columns._items.pop(column.key)
    assert facts[known.pk].columns["test.cost"].text.startswith("5.00")
    assert "test.cost" not in facts[unknown.pk].columns


def test_who_is_not_signed_in_sees_no_row() -> None:
    use_case = make_use_case()
    assert not portfolio_rows(AnonymousUser()).exists()
    assert not portfolio_rows(make_user(is_active=False)).exists()
    assert portfolio_rows(make_user()).get() == use_case


def test_facts_cost_the_same_queries_for_five_and_for_fifty() -> None:
    owner, programme, team = make_user(), make_programme(), make_team()
    counts = []
    with registered_metric():
        for size in (5, 50):
            use_cases = [
                make_use_case(owner=owner, programme=programme, team=team) for _ in range(size)
            ]
            for use_case in use_cases:
                make_milestone(use_case)
                make_delivered_change(_link(use_case, "2026-01-01"), NOW)
            with CaptureQueriesContext(connection) as queries:
                portfolio_facts(use_case_ids=[use_case.pk for use_case in use_cases], now=NOW)
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 6 + 3 * len(registered_columns())
