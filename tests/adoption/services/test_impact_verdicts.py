"""Verdicts: only after the window, the same bytes again, and history that stays."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from adoption.choices import AiAssistance, Stage
from adoption.models import Delivery, ImpactVerdict, StageChange, UseCase
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.impact_decisions import (
    DecisionRefusedError,
    decide_on_verdict,
    set_unit_value,
)
from adoption.services.impact_plans import plan_of
from adoption.services.impact_registrations import amend_registration, report_losses
from adoption.services.impact_verdicts import (
    EVALUATE,
    WindowOpenError,
    ask_for_evaluations,
    due_registrations,
    evaluate_registration,
    is_reproduced,
    progress_of,
)
from adoption.services.impact_wishes import RegistrationRefusedError
from portal.models import WorkItem
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.impact import (
    CLOSED,
    LAUNCH,
    WRITTEN,
    WeeklyMetric,
    piloted,
    register,
    weekly_metric,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
OPEN = dt.datetime(2026, 7, 20, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    with weekly_metric() as made:
        made.set([7, 9, 8], [14, 15, 16])
        yield made


def judged(use_case: UseCase | None = None, **fields: Any) -> ImpactVerdict:
    made = register(use_case or piloted(), **fields)
    return evaluate_registration(registration_id=made.pk, at=CLOSED).verdict


def result(verdict: ImpactVerdict) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(verdict.result)
    return found


def test_before_the_window_closes_there_is_progress_and_nothing_is_looked_at(
    metric: WeeklyMetric,
) -> None:
    made = register(piloted())
    looked = metric.calls
    with pytest.raises(WindowOpenError):
        evaluate_registration(registration_id=made.pk, at=OPEN)
    assert metric.calls == looked
    progress = progress_of(plan_of(made), at=OPEN)
    assert (progress.weeks_done, progress.weeks, progress.is_closed) == (5, 12, False)
    assert due_registrations(at=OPEN) == []


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ([7, 9, 8], [14, 15, 16], "supported"),
        ([7, 9, 8], [8, 9, 7], "inconclusive"),
        ([14, 15, 16], [7, 8, 6], "adverse"),
        ([300, 301, 299], [301, 300, 300], "no_meaningful_change"),
        ([1, 0, 0], [9, 9, 9], "not_evaluable"),
    ],
)
def test_each_word_through_the_whole_path(
    metric: WeeklyMetric, before: list[int], after: list[int], word: str
) -> None:
    metric.set(before, after)
    verdict = judged()
    assert verdict.verdict == word
    assert (result(verdict)["estimate"] is None) == (word == "not_evaluable")
    assert is_reproduced(verdict)


@pytest.mark.both_engines
def test_the_same_data_are_judged_once_and_give_the_same_bytes() -> None:
    verdict = judged()
    again = evaluate_registration(
        registration_id=verdict.registration_id, at=CLOSED + dt.timedelta(days=3)
    )
    assert not again.is_new
    assert again.verdict.pk == verdict.pk
    assert is_reproduced(verdict)
    verdict.result = verdict.result.replace("supported", "adverse")
    assert not is_reproduced(verdict)


@pytest.mark.both_engines
def test_restated_data_make_a_new_verdict_and_the_old_one_stays(metric: WeeklyMetric) -> None:
    first = judged()
    metric.set([7, 9, 8], [8, 9, 7])
    second = evaluate_registration(registration_id=first.registration_id, at=CLOSED).verdict
    first.refresh_from_db()
    assert (first.verdict, second.verdict) == ("supported", "inconclusive")
    assert (second.number, second.cause) == (2, "data_restated")
    assert first.superseded_at == CLOSED
    assert is_reproduced(first)
    with pytest.raises(DecisionRefusedError, match="newer"):
        decide_on_verdict(
            verdict_id=first.pk, kind="scale", reason="It was good.", actor=make_user(), at=CLOSED
        )


def test_what_is_undone_later_makes_a_new_verdict_and_the_old_one_stays() -> None:
    """A6, on held deliveries themselves: a delivery that no longer counts changes its week."""
    use_case = piloted()
    owner, reviewer = make_user(), use_case.owner
    days = [dt.date(2026, 1, 8) + dt.timedelta(days=3 * number) for number in range(26)]
    days += [dt.date(2026, 6, 16) + dt.timedelta(days=number) for number in range(80)]
    UseCase.objects.filter(pk=use_case.pk).update(
        created_at=dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
    )
    for number, day in enumerate(days):
        at = dt.datetime(day.year, day.month, day.day, 12, 0, tzinfo=dt.UTC)
        delivery = log_delivery(
            use_case=use_case, link=f"https://wiki.acme.example/{number}", title="A guide",
            actor=owner, assistance=AiAssistance.ASSISTED, at=at,
        )  # fmt: skip
        review_delivery(delivery=delivery, accept=True, reason="", reviewer=reviewer, at=at)
    first = judged(use_case, metric_key="held_deliveries_weekly")
    assert first.verdict == "supported"
    Delivery.objects.filter(reviewed_at__gte=dt.datetime(2026, 7, 1, tzinfo=dt.UTC)).update(
        state="rejected"
    )
    second = evaluate_registration(registration_id=first.registration_id, at=CLOSED).verdict
    assert second.verdict != "supported"
    assert ImpactVerdict.objects.filter(registration=first.registration_id).count() == 2


SHOPPING: list[dict[str, Any]] = [
    {"after_ends_on": dt.date(2026, 8, 31)},
    {"baseline_starts_on": dt.date(2026, 1, 14)},
    {"metric_key": "easier_cases"},
    {"method": "interrupted_series"},
    {"alpha_percent": 10},
    {},
]


@pytest.mark.parametrize("change", sampled(SHOPPING, SHOPPING[0], SHOPPING[2]))
def test_shopping_after_the_launch_is_never_better_than_exploratory(
    change: dict[str, Any],
) -> None:
    """A12, A14: windows, metrics and methods changed when the numbers are known."""
    use_case = piloted()
    with weekly_metric("easier_cases") as easier:
        easier.set([7, 9, 8], [30, 31, 32])
        made = register(use_case)
        amend_registration(
            registration_id=made.pk, reason="It looks better.", changes=change,
            actor=use_case.owner, at=OPEN,
        )  # fmt: skip
        verdict = evaluate_registration(registration_id=made.pk, at=CLOSED).verdict
        assert verdict.verdict == "exploratory"
        assert "It looks better." in result(verdict)["reasons"][0]


def test_registered_after_the_launch_is_exploratory_and_says_how_it_reads() -> None:
    verdict = judged(at=dt.datetime(2026, 6, 2, 9, 0, tzinfo=dt.UTC))
    assert (verdict.verdict, result(verdict)["reading"]) == ("exploratory", "supported")
    live = piloted()
    StageChange.objects.create(
        use_case=live, from_stage=Stage.PILOT, to_stage=Stage.LIVE, decided_by=live.owner,
        decided_at=dt.datetime(2026, 5, 10, tzinfo=dt.UTC), reason="",
    )  # fmt: skip
    assert judged(live).verdict == "exploratory"


def test_a_use_case_that_was_never_launched_is_not_evaluable() -> None:
    use_case = make_use_case(stop_rule="Stop.", at=WRITTEN)
    verdict = judged(use_case)
    assert verdict.verdict == "not_evaluable"
    assert "never launched" in result(verdict)["reasons"][0]


def test_small_groups_gaps_and_losses_are_not_evaluable(metric: WeeklyMetric) -> None:
    with weekly_metric("private_cases", k=5) as private:
        private.contributors = 4
        verdict = judged(metric_key="private_cases")
        assert "Too few people" in result(verdict)["reasons"][0]
    made = register(piloted())
    for side, lost in (("before", 0), ("after", 5)):
        report_losses(
            registration_id=made.pk, side=side, expected=12, opted_out=lost, vanished=0, note="",
            actor=made.created_by, at=OPEN,
        )  # fmt: skip
    lossy = evaluate_registration(registration_id=made.pk, at=CLOSED).verdict
    assert lossy.verdict == "not_evaluable"
    metric.answer = lambda pk, day: None if day >= LAUNCH and day.month == 7 else 8
    assert judged().verdict == "not_evaluable"


@pytest.mark.both_engines
def test_the_database_keeps_verdicts_and_judges_only_what_was_approved() -> None:
    verdict = judged()
    waiting = register(piloted(), is_approved=False)
    statements: list[tuple[str, list[str | int]]] = [
        ("UPDATE adoption_impactverdict SET verdict = 'supported', result = %s", ["{}"]),
        ("UPDATE adoption_impactverdict SET facts = %s", ["{}"]),
        ("DELETE FROM adoption_impactverdict WHERE id = %s", [verdict.pk]),
        ("UPDATE adoption_impactverdict SET registration_id = %s", [waiting.pk]),
    ]
    for sql, values in statements:
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, values)
    with pytest.raises(LookupError):
        evaluate_registration(registration_id=waiting.pk, at=CLOSED)
    verdict.pk = None
    verdict.registration = waiting
    with pytest.raises(DatabaseError), transaction.atomic():
        verdict.save(force_insert=True)


@pytest.mark.both_engines
def test_decisions_stand_in_the_log_and_stopping_stops() -> None:
    use_case = piloted()
    verdict = judged(use_case)
    lead = make_user()
    with pytest.raises(DecisionRefusedError, match="why"):
        decide_on_verdict(verdict_id=verdict.pk, kind="scale", reason=" ", actor=lead, at=CLOSED)
    said: dict[str, Any] = {"verdict_id": verdict.pk, "actor": lead, "at": CLOSED}
    decide_on_verdict(**said, kind="scale", reason="To two more teams.")
    decide_on_verdict(**said, kind="stop", reason="The supplier ends it.")
    use_case.refresh_from_db()
    assert use_case.stage == Stage.STOPPED
    with pytest.raises(RegistrationRefusedError, match="grounds"):
        set_unit_value(
            use_case_id=use_case.pk, metric_key="handled_cases", amount_nano=1, grounds="",
            owner=lead, actor=lead, at=CLOSED,
        )  # fmt: skip


def test_work_is_asked_for_what_is_due_and_the_command_says_what_came_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    register(piloted())
    register(piloted(), after_ends_on=dt.date(2030, 6, 17), after_starts_on=dt.date(2030, 1, 7))
    assert ask_for_evaluations(at=CLOSED) == 1
    assert WorkItem.objects.filter(kind=EVALUATE).count() == 1
    call_command("evaluate_registrations", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["due"], said["new"], said["unchanged"], said["failed"]) == (1, 1, 0, 0)
    assert said["verdicts"] == {"supported": 1}
    call_command("evaluate_registrations", "--json", "--verify")
    said = json.loads(capsys.readouterr().out)
    assert (said["new"], said["unchanged"], said["reproduced"]) == (0, 1, 1)
