"""The counts of milestones by programme and month, and what cannot raise them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from adoption.choices import AiAssistance, DeliveryState
from adoption.metrics import primary
from adoption.metrics.definitions import measure_held_deliveries
from adoption.metrics.programme_counts import (
    calculate_deployments,
    calculate_held,
    collect_deployments,
    collect_held,
)
from adoption.metrics.registry import NANO
from adoption.metrics.windows import Window, WindowKind, windows_between
from adoption.models import Change, Delivery, Repository, UseCase
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.use_cases import link_repository
from tests.adoption.factories import NOW, make_programme, make_use_case, make_user
from tests.adoption.importing import History, commit, tag

pytestmark = pytest.mark.django_db
OCTOBER = Window(dt.date(2026, 10, 1), dt.date(2026, 11, 1), "UTC")
AT = dt.datetime(2026, 10, 20, 12, tzinfo=dt.UTC)


def confirmed(use_case: UseCase, link: str) -> Delivery:
    """Work that is not code, confirmed by the owner on 20 October."""
    delivery = log_delivery(
        use_case=use_case, link=link, title="A guide", actor=make_user(),
        assistance=AiAssistance.ASSISTED, at=AT,
    )  # fmt: skip
    review_delivery(delivery=delivery, accept=True, reason="", reviewer=use_case.owner, at=AT)
    return delivery


def facts(use_case: UseCase, as_of: dt.datetime = NOW) -> Any:
    return collect_held([use_case.programme_id], OCTOBER, as_of).get(use_case.programme_id)


def test_held_deliveries_count_where_and_when_they_came_to_hold() -> None:
    use_case = make_use_case(at=AT - dt.timedelta(days=40))
    confirmed(use_case, "https://wiki.acme.example/a")
    confirmed(use_case, "https://wiki.acme.example/b")
    found = calculate_held(facts(use_case))
    assert (found.nano, found.n, found.contributors) == (2 * NANO, 2, 2)
    assert calculate_held(facts(use_case, AT - dt.timedelta(microseconds=1))).nano == 0
    assert calculate_held(facts(use_case, AT)).nano == 2 * NANO  # by a moment: with it
    assert collect_held([make_programme().pk], OCTOBER, NOW) == {}


def test_the_same_change_logged_again_counts_once(tmp_path: Path) -> None:
    use_case = make_use_case(at=AT - dt.timedelta(days=40))
    confirmed(use_case, "https://wiki.acme.example/a")
    with pytest.raises(ValueError, match=r"(?i)already|logged"):
        confirmed(use_case, "https://wiki.acme.example/a")
    assert calculate_held(facts(use_case)).nano == NANO


def test_what_is_undone_later_counts_no_more() -> None:
    use_case = make_use_case(at=AT - dt.timedelta(days=40))
    delivery = confirmed(use_case, "https://wiki.acme.example/a")
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.REVERTED, reverted_at=NOW)
    assert calculate_held(facts(use_case)).nano == 0


def linked(history: History) -> UseCase:
    use_case = make_use_case()
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(key="shop"),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    return use_case


def test_a_deployment_that_brings_nothing_new_counts_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring(
        [commit(1, 0, on=1), commit(2, on=3, ai=True), commit(3, on=9)],
        [tag("1.0", 2, 6), tag("1.0-again", 2, 7), tag("1.1", 3, 9)],
        at=NOW,
    )
    use_case = linked(history)
    pk = use_case.programme_id
    # A trailer alone is no delivery: somebody must say so.
    assert calculate_deployments(collect_deployments([pk], OCTOBER, NOW)[pk]).nano == 0
    log_delivery(
        use_case=use_case, change=Change.objects.get(strength__gt=""),
        assistance=AiAssistance.ASSISTED, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    found = collect_deployments([pk], OCTOBER, NOW)[pk]
    value = calculate_deployments(found)
    assert value.nano == NANO
    assert len(found["deployments"]) == 1
    assert value.unknown_share_nano is not None
    assert value.unknown_share_nano + (value.coverage_nano or 0) in (NANO, NANO - 1)
    assert collect_deployments([make_programme().pk], OCTOBER, NOW) == {}


def test_weeks_and_months_count_the_same_deliveries_as_the_whole() -> None:
    """One rule: windows that join without a gap add up to the count at their end."""
    use_case = make_use_case(at=AT - dt.timedelta(days=40))
    delivery = confirmed(use_case, "https://wiki.acme.example/first")
    for number, at in enumerate(
        (OCTOBER.starts_at, OCTOBER.ends_at - dt.timedelta(microseconds=1), OCTOBER.ends_at)
    ):
        other = confirmed(use_case, f"https://wiki.acme.example/{number}")
        Delivery.objects.filter(pk=other.pk).update(reviewed_at=at)
    months = windows_between(WindowKind.MONTH, dt.date(2026, 9, 1), dt.date(2026, 12, 1), "UTC")
    weeks = windows_between(WindowKind.WEEK, dt.date(2026, 9, 7), dt.date(2026, 11, 16), "UTC")
    programme, case = use_case.programme_id, use_case.pk
    by_month = [collect_held([programme], each, NOW).get(programme) for each in months]
    by_week = [primary.collect_held([case], each, NOW).get(case) for each in weeks]
    whole = measure_held_deliveries([case], NOW)[case]
    assert [len(each["deliveries"]) for each in by_month if each] == [0, 3, 1]
    assert sum(each["held"] + each["confirmed"] for each in by_week if each) == 4
    assert whole.count == 4
    assert delivery.reviewed_at in whole.happened_at
