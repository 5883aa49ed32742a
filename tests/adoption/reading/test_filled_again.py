"""A fill after which nothing has changed changes nothing, and one changed row only its windows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from adoption.choices import ScopeKind
from adoption.metrics.registry import metrics
from adoption.models import MetricValue, RepositoryLink, Service
from adoption.services.metric_filling import fill_metrics
from adoption.services.target_rules import TargetDraft
from adoption.services.targets import create_target
from tests.adoption.delivering import BEGINS, DAY, HOUR, NOW, Delivering
from tests.adoption.factories import make_milestone, make_programme, make_use_case
from tests.adoption.kept import kept
from tests.adoption.reading.test_changed_rows import (
    _begun_earlier,
    _failed,
    _hotfix,
    _incident,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
DAYS = 80
UNTIL = dt.date(2026, 6, 15)  # weeks after the last window that knows of the changed day
ONE_OF_A_KIND = ("ndu", "outcome_attainment", "survival_21_days", "use_case_reach")
SOON = BEGINS + 100 * DAY  # the last windows with deliveries are provisional then


def _tell() -> tuple[Delivering, Service]:
    """A service of a use case with a promise and a target, eighty days of deliveries."""
    programme = make_programme(starts_on=dt.date(2026, 1, 1), ends_on=dt.date(2026, 12, 31))
    shop = Delivering()
    shop.daily(DAYS)
    service = shop.send()
    case = make_use_case(programme=programme)
    RepositoryLink.objects.create(
        use_case=case, repository=service.repository, starts_on=dt.date(2026, 1, 1)
    )
    milestone = make_milestone(case, metric_key="held_deliveries", due_on=dt.date(2026, 12, 30))
    create_target(
        draft=TargetDraft(
            title="Ten that hold", milestone_id=milestone.pk, scope_kind=ScopeKind.USE_CASE,
            scope_id=case.pk, metric_key="held_deliveries", comparator="gte",
            threshold_nano=10 * 10**9, due_on=dt.date(2026, 3, 20),
        ),
        actor=programme.owner, at=BEGINS,
    )  # fmt: skip
    return shop, service


@pytest.fixture(scope="module")
def told(
    django_db_setup: None, django_db_blocker: Any, without_the_browsers_loop: None
) -> Iterator[tuple[Delivering, Service]]:
    with kept(django_db_blocker, _tell) as made:
        yield made


def moved(at: dt.datetime, keys: Collection[str] | None, *steps: str) -> dict[str, int]:
    """Metric and version → how many values a fill at that moment took these steps with."""
    found = {
        f"{each.key} {each.version}": sum(each.counts[step] for step in steps)
        for each in fill_metrics(at=at, keys=keys)
    }
    return {key: number for key, number in found.items() if number}


@pytest.mark.both_engines
@pytest.mark.parametrize("keys", sampled([ONE_OF_A_KIND, None], ONE_OF_A_KIND), ids=["some", "all"])
def test_looking_again_changes_nothing(
    told: tuple[Delivering, Service], keys: Collection[str] | None
) -> None:
    assert moved(SOON, keys, "added")
    assert moved(SOON + HOUR, keys, "changed", "restated") == {}
    # Later on units have become old enough to tell; what was final by then stays as it was.
    assert moved(SOON + 200 * DAY, keys, "restated") == {}


CHANGED = [
    (_incident, "change_fail_rate", 1),
    (_incident, "ndu", 1),
    (_incident, "deployment_frequency", 1),
    (_failed, "change_fail_rate", 1),
    (_begun_earlier, "change_lead_time", 1),
    (_begun_earlier, "ndu", 0),
    (_hotfix, "deployment_rework_rate", 1),
    # Sizes of four weeks are held against those of the nine before: thirteen weeks know it.
    (_hotfix, "ndu", 13),
]
# By default one that reaches one window, one that reaches none, and one that reaches far; on
# PostgreSQL, all in a sweep.
CHANGED_SAMPLED = [
    each if each in (CHANGED[3], CHANGED[5], CHANGED[7])
    else pytest.param(*each, marks=[pytest.mark.sweep, pytest.mark.both_engines])
    for each in CHANGED
]  # fmt: skip


@pytest.mark.parametrize(("change", "metric", "most"), CHANGED_SAMPLED)
def test_a_changed_row_restates_the_windows_that_it_is_in(
    change: Callable[[Delivering, int], None],
    metric: str,
    most: int,
    told: tuple[Delivering, Service],
) -> None:
    shop, service = told
    assert metrics.get(metric).windowed is not None
    fill_metrics(at=NOW, keys=[metric], until=UNTIL)
    change(shop, 30)
    shop.send()
    fill_metrics(at=NOW + HOUR, keys=[metric], until=UNTIL)
    new = MetricValue.objects.filter(
        computed_at=NOW + HOUR,
        data_version__gt=1,
        scope_id=service.pk,
        metric_version__key=metric,
        metric_version__version=metrics.get(metric).version,
    )
    days = [row.window_starts_on for row in new.order_by("window_starts_on")]
    assert len(days) <= most, days
    assert bool(days) == bool(most)
    day = (BEGINS + 30 * DAY).date()
    assert all(day - dt.timedelta(days=28) < each <= day + dt.timedelta(days=91) for each in days)
