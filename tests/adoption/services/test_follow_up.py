"""After an import, deliveries advance and milestones are reached on the day the facts say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeliveryState, MilestoneState
from adoption.metrics.registry import NANO
from adoption.models import Delivery, Milestone, MilestoneEvent, Repository, UseCase
from adoption.services.deliveries import log_delivery, review_delivery, withdraw_delivery
from adoption.services.follow_up import refresh_outcomes
from adoption.services.use_cases import link_repository
from adoption.tasks import refresh_outcomes_task
from tests.adoption.factories import NOW, make_milestone, make_use_case, make_user
from tests.adoption.importing import History, change, commit, day, tag

pytestmark = pytest.mark.django_db


def promise(use_case: UseCase, metric_key: str, count: int) -> Milestone:
    return make_milestone(
        use_case, metric_key=metric_key, threshold_nano=count * NANO, due_on=dt.date(2026, 12, 31)
    )


def link(use_case: UseCase, key: str = "shop") -> None:
    link_repository(
        use_case_id=use_case.pk,
        repository=Repository.objects.get(key=key),
        starts_on=dt.date(2026, 1, 1),
        ends_on=None,
        actor=use_case.owner,
        at=NOW,
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Changes 1 (no evidence) and 2 (AI-assisted); 1.0 brought the first."""
    found = History(tmp_path)
    found.bring([commit(1, 0), commit(2, on=3, ai=True)], [tag("1.0", 1, 2)], at=day(4))
    return found


@pytest.mark.both_engines
def test_the_first_deployment_with_an_ai_change_reaches_its_milestone_on_its_day(
    history: History,
) -> None:
    use_case = make_use_case()
    link(use_case)
    milestone = promise(use_case, "ai_production_deployments", 1)
    log_delivery(use_case=use_case, actor=make_user(), at=day(4), change=change(2))
    refresh_outcomes(at=day(5))
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_nano) == (MilestoneState.OPEN, 0)
    # Imported on the 12th, deployed on the 6th: the day is the deployment's.
    history.bring(tags=[tag("1.1", 2, 6)], at=day(12))
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.REACHED
    assert milestone.reached_at == day(6, 12)
    assert milestone.measured_nano == NANO


def test_a_trailer_alone_reaches_no_milestone(history: History) -> None:
    """Signs only suggest: writing them costs nothing, so they count nothing."""
    use_case = make_use_case()
    link(use_case)
    milestone = promise(use_case, "ai_production_deployments", 1)
    history.bring(tags=[tag("1.1", 2, 6)], at=day(12))
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_nano) == (MilestoneState.OPEN, 0)
    delivery = log_delivery(use_case=use_case, actor=make_user(), at=day(12), change=change(2))
    refresh_outcomes(at=day(13))
    milestone.refresh_from_db()
    assert (milestone.state, milestone.reached_at) == (MilestoneState.REACHED, day(6, 12))
    withdraw_delivery(delivery=delivery, actor=delivery.claimed_by, at=day(14))
    refresh_outcomes(at=day(14))
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.OPEN


def test_an_older_deployment_that_arrives_late_moves_the_day_back(history: History) -> None:
    use_case = make_use_case()
    link(use_case)
    milestone = promise(use_case, "ai_production_deployments", 1)
    log_delivery(use_case=use_case, actor=make_user(), at=day(4), change=change(2))
    history.bring(tags=[tag("1.2", 2, 9)], at=day(12))
    milestone.refresh_from_db()
    assert milestone.reached_at == day(9, 12)
    history.bring(tags=[tag("1.1", 2, 6)], at=day(13))
    milestone.refresh_from_db()
    assert milestone.reached_at == day(6, 12)


def test_held_deliveries_reach_their_milestone_on_the_day_the_last_one_held(
    tmp_path: Path,
) -> None:
    history = History(tmp_path)
    commits = [commit(n, *([0] if n == 1 else []), on=n, ai=True) for n in (1, 2, 3)]
    history.bring(commits, [tag("1.0", 1, 1), tag("1.1", 2, 2)], at=day(4))
    use_case, mira = make_use_case(), make_user()
    milestone = promise(use_case, "held_deliveries", 3)
    for number in (1, 2, 3):
        log_delivery(use_case=use_case, actor=mira, at=day(4), change=change(number))
    history.bring(tags=[tag("1.2", 3, 5)], at=day(6))

    def milestone_at(moment: dt.datetime) -> tuple[str, Any]:
        refresh_outcomes(at=moment)
        milestone.refresh_from_db()
        return milestone.state, milestone.measured_nano

    assert milestone_at(day(16, 11)) == (MilestoneState.OPEN, NANO)
    assert milestone_at(day(16, 12)) == (MilestoneState.OPEN, 2 * NANO)
    assert milestone_at(day(19, 11)) == (MilestoneState.OPEN, 2 * NANO)
    # Looked at on the 25th; the third one held on the 19th at noon.
    assert milestone_at(day(25)) == (MilestoneState.REACHED, 3 * NANO)
    assert milestone.reached_at == day(19, 12)


@pytest.mark.both_engines
def test_a_revert_takes_the_milestone_back_and_says_so(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 1)], at=day(2))
    use_case = make_use_case()
    milestone = promise(use_case, "held_deliveries", 1)
    log_delivery(use_case=use_case, actor=make_user(), at=day(2), change=change(1))
    refresh_outcomes(at=day(16))
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.REACHED
    history.bring([commit(2, on=17, message='Revert "Change 1"')], at=day(18))
    milestone.refresh_from_db()
    assert (milestone.state, milestone.measured_reason) == (MilestoneState.OPEN, "restated")
    assert MilestoneEvent.objects.filter(milestone=milestone, kind="restated").exists()
    assert Delivery.objects.get().state == DeliveryState.REVERTED


def test_confirmed_work_counts_from_the_day_of_the_review(history: History) -> None:
    use_case = make_use_case()
    milestone = promise(use_case, "held_deliveries", 1)
    delivery = log_delivery(
        use_case=use_case, actor=make_user(), at=day(8), link="https://docs.example.com/a",
        title="Plan",
    )  # fmt: skip
    review_delivery(delivery=delivery, accept=True, reason="", reviewer=use_case.owner, at=day(10))
    refresh_outcomes(at=day(15))
    milestone.refresh_from_db()
    assert (milestone.state, milestone.reached_at) == (MilestoneState.REACHED, day(10))


@pytest.mark.both_engines
def test_repeating_it_changes_nothing_but_the_moment_of_looking(history: History) -> None:
    use_case = make_use_case()
    link(use_case)
    promise(use_case, "ai_production_deployments", 1)
    log_delivery(use_case=use_case, actor=make_user(), at=day(4), change=change(2))
    history.bring(tags=[tag("1.1", 2, 6)], at=day(12))

    def everything() -> list[Any]:
        kept = [field.name for field in Milestone._meta.fields if field.name != "measured_at"]
        return [
            list(Milestone.objects.values_list(*kept)),
            list(MilestoneEvent.objects.order_by("pk").values_list()),
            list(Delivery.objects.order_by("pk").values_list()),
        ]

    before = everything()
    refresh_outcomes(at=day(12))
    assert everything() == before


def test_the_hourly_task_lets_time_pass(history: History) -> None:
    delivery = log_delivery(
        use_case=make_use_case(), actor=make_user(), at=day(4), change=change(1)
    )
    assert delivery.state == DeliveryState.DEPLOYED
    with time_machine.travel(day(16, 12), tick=False):
        refresh_outcomes_task.run()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == (DeliveryState.HELD, day(16, 12))


def test_what_it_costs_does_not_grow_with_deliveries_and_use_cases(history: History) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            refresh_outcomes(at=NOW)
        return len(queries)

    first = make_use_case()
    link(first)
    promise(first, "held_deliveries", 5)
    log_delivery(use_case=first, actor=make_user(), at=NOW, change=change(1))
    refresh_outcomes(at=NOW)
    small = cost()
    history.bring([commit(n, on=10, ai=True) for n in range(3, 11)], at=NOW)
    for number in range(3, 11):
        use_case = make_use_case(programme=first.programme, team=first.team)
        link(use_case)
        promise(use_case, "held_deliveries", 5)
        log_delivery(use_case=use_case, actor=first.owner, at=NOW, change=change(number))
    refresh_outcomes(at=NOW)
    assert cost() == small
