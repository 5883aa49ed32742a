"""Adoption's own metrics: what they count, what they leave out, and what cannot raise them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import AiAssistance, DeliveryState, Strength
from adoption.metrics.definitions import measure_ai_deployments, measure_held_deliveries
from adoption.metrics.programme_counts import AI_ASSISTED
from adoption.metrics.registry import NANO, USAGE_INPUTS, Measured, metrics
from adoption.models import Change, Delivery, Programme, Repository, UseCase
from adoption.selectors.changes import changes_of_use_case
from adoption.selectors.deliveries import held_delivery_counts
from adoption.services.deliveries import log_delivery, review_delivery, withdraw_delivery
from adoption.services.follow_up import refresh_outcomes
from adoption.services.use_cases import link_repository
from tests.adoption.factories import NOW, make_programme, make_use_case, make_user
from tests.adoption.importing import History, change, commit, day, tag

pytestmark = pytest.mark.django_db
Measure = Callable[[Sequence[int], dt.datetime], Mapping[int, Measured]]


def link(use_case: UseCase, starts_on: dt.date, ends_on: dt.date | None = None) -> None:
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(key="shop"),
        starts_on=starts_on, ends_on=ends_on, actor=use_case.owner, at=NOW,
    )  # fmt: skip


def ai_deployments(use_case: UseCase, at: dt.datetime = NOW) -> Measured:
    """The value once every change with a sign was confirmed by a person, for this or another."""
    for each in Change.objects.exclude(strength="").filter(deliveries__isnull=True):
        log_delivery(use_case=use_case, actor=make_user(), at=NOW, change=each)
    return measure_ai_deployments([use_case.pk], at)[use_case.pk]


@pytest.fixture
def history(tmp_path: Path) -> History:
    """AI changes on 3 and 5 October in one release, on the 9th in another, a human one in 1.2."""
    found = History(tmp_path)
    found.bring(
        [commit(1, 0, on=1), commit(2, on=3, ai=True), commit(3, on=5, ai=True),
         commit(4, on=9, ai=True), commit(5, on=10)],
        [tag("1.0", 3, 6), tag("1.1", 4, 9), tag("1.2", 5, 10)],
        at=NOW,
    )  # fmt: skip
    return found


@pytest.mark.both_engines
def test_a_deployment_counts_once_however_many_ai_changes_it_brings(history: History) -> None:
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    value = ai_deployments(use_case)
    assert (value.nano, value.count) == (2 * NANO, 2)
    assert value.happened_at == (day(6, 12), day(9, 12))
    assert value.lineage_url == f"/use-cases/{use_case.slug}/changes/?place=production"


def test_looking_back_counts_what_had_happened_by_then(history: History) -> None:
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    counts = [ai_deployments(use_case, day(number)).count for number in (6, 7, 9, 10)]
    assert counts == [0, 1, 1, 2]


def test_without_a_repository_there_is_no_value_but_a_reason(history: History) -> None:
    value = ai_deployments(make_use_case())
    assert value.nano is None
    assert value.reason == "no_repository_linked"


def test_a_linked_repository_without_ai_is_a_true_zero(tmp_path: Path) -> None:
    History(tmp_path).bring([commit(1, 0)], [tag("1.0", 1, 2)])
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    assert ai_deployments(use_case).nano == 0


def test_a_change_belongs_where_the_link_held_when_it_was_merged(history: History) -> None:
    """The metric counts what the use case's list of changes shows, whenever it was deployed."""
    for starts, ends, count in (
        (3, 6, 1), (4, 6, 1), (6, None, 1), (1, 3, 0), (3, None, 2), (10, None, 0),
    ):  # fmt: skip
        use_case = make_use_case()
        link(use_case, dt.date(2026, 10, starts), dt.date(2026, 10, ends) if ends else None)
        assert ai_deployments(use_case).count == count, (starts, ends)
        signs = changes_of_use_case(use_case).exclude(strength="")
        listed = signs.filter(delivered_at__isnull=False)
        assert listed.values("delivered_by").distinct().count() == count, (starts, ends)


@pytest.mark.both_engines
def test_days_of_a_link_are_days_of_the_programme(history: History) -> None:
    """Change 4 was merged on 9 October, 10:00 UTC, which is the 10th in Auckland from 11:00 UTC."""
    moment = dt.datetime(2026, 10, 9, 11, 30, tzinfo=dt.UTC)
    Change.objects.filter(pk=change(4).pk).update(merged_at=moment)
    assert moment.astimezone(ZoneInfo("Pacific/Auckland")).day == 10
    programme: Programme = make_programme(time_zone="Pacific/Auckland")
    use_case = make_use_case(programme=programme)
    link(use_case, dt.date(2026, 10, 10))
    assert ai_deployments(use_case).count == 1
    assert change(4) in changes_of_use_case(use_case)
    in_utc = make_use_case()
    link(in_utc, dt.date(2026, 10, 10))
    assert ai_deployments(in_utc).count == 0


def test_activity_alone_is_no_evidence(history: History) -> None:
    assert Strength.INFERRED not in AI_ASSISTED
    Change.objects.exclude(strength="").update(strength=Strength.INFERRED)
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    assert measure_ai_deployments([use_case.pk], NOW)[use_case.pk].nano == 0


def test_a_sign_that_nobody_confirmed_counts_nothing(history: History) -> None:
    """Trailers only suggest: writing more of them must not raise an outcome."""
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    assert measure_ai_deployments([use_case.pk], NOW)[use_case.pk].nano == 0
    log_delivery(use_case=use_case, actor=make_user(), at=NOW, change=change(4))
    Change.objects.update(strength=Strength.AUTONOMOUS)
    value = measure_ai_deployments([use_case.pk], NOW)[use_case.pk]
    assert value.happened_at == (day(9, 12),)


def test_what_was_undone_before_it_was_deployed_brought_nothing(history: History) -> None:
    Change.objects.filter(pk=change(4).pk).update(reverted_at=day(9, 11))
    use_case = make_use_case()
    link(use_case, dt.date(2026, 1, 1))
    assert ai_deployments(use_case).count == 1


def test_no_metric_of_ours_rests_on_usage() -> None:
    for metric in metrics:
        assert not metric.inputs & USAGE_INPUTS, metric.key


# --- held deliveries -------------------------------------------------------------------------


def held(use_case: UseCase, at: dt.datetime = NOW) -> int:
    value = measure_held_deliveries([use_case.pk], at)[use_case.pk]
    assert value.nano == value.count * NANO
    assert len(value.happened_at) == value.count
    return value.count


@pytest.mark.both_engines
def test_held_and_confirmed_ones_count_and_the_list_behind_it_shows_them(
    history: History,
) -> None:
    use_case, mira = make_use_case(), make_user()
    for number in (2, 3, 4):
        log_delivery(use_case=use_case, actor=mira, at=NOW, change=change(number))
    plan = log_delivery(
        use_case=use_case, actor=mira, at=NOW, link="https://docs.example.com/a", title="Plan"
    )
    assert held(use_case) == 3
    review_delivery(delivery=plan, accept=True, reason="", reviewer=use_case.owner, at=NOW)
    assert held(use_case) == 4
    value = measure_held_deliveries([use_case.pk], NOW)[use_case.pk]
    assert value.lineage_url == f"/use-cases/{use_case.slug}/deliveries/?state=counting"
    assert held_delivery_counts([use_case.pk], NOW) == {use_case.pk: 4}


def test_withdrawn_reverted_and_waiting_ones_do_not_count(history: History) -> None:
    use_case, mira = make_use_case(), make_user()
    withdrawn = log_delivery(use_case=use_case, actor=mira, at=NOW, change=change(2))
    withdraw_delivery(delivery=withdrawn, actor=mira, at=NOW)
    log_delivery(use_case=use_case, actor=mira, at=NOW, change=change(3))
    history.bring([commit(6, on=12, message='Revert "Change 3"'), commit(7, on=13)], at=NOW)
    log_delivery(use_case=use_case, actor=mira, at=NOW, change=change(7))
    log_delivery(
        use_case=use_case, actor=mira, at=NOW, link="https://docs.example.com/a", title="Plan"
    )
    states = set(Delivery.objects.values_list("state", flat=True))
    assert states == {
        DeliveryState.REJECTED, DeliveryState.REVERTED, DeliveryState.MERGED, DeliveryState.CLAIMED,
    }  # fmt: skip
    assert held(use_case) == 0


def test_saying_that_ai_helped_does_not_raise_it(history: History) -> None:
    """An attack: the same work with louder words."""
    quiet, loud = make_use_case(), make_use_case()
    log_delivery(use_case=quiet, actor=make_user(), at=NOW, change=change(2))
    log_delivery(
        use_case=loud, actor=make_user(), at=NOW, change=change(3), assistance=AiAssistance.ASSISTED
    )
    assert held(quiet) == held(loud) == 1


def test_looking_back_leaves_out_what_held_later(history: History) -> None:
    use_case = make_use_case()
    log_delivery(use_case=use_case, actor=make_user(), at=NOW, change=change(2))
    refresh_outcomes(at=NOW)
    assert (held(use_case, day(20, 11)), held(use_case, day(20, 12))) == (0, 1)


def test_one_use_case_costs_as_many_queries_as_many(history: History) -> None:
    use_cases = [make_use_case() for _ in range(8)]
    for use_case in use_cases:
        link(use_case, dt.date(2026, 1, 1))

    def cost(measure: Measure, count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            found = measure([use_case.pk for use_case in use_cases[:count]], NOW)
        assert len(found) == count
        return len(queries)

    for measure in (measure_ai_deployments, measure_held_deliveries):
        assert cost(measure, 1) == cost(measure, 8)
