"""What was unallocated: the list of an earlier moment comes back, whatever has happened since."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.choices import MatchField
from billing.models import MonthlyCost
from billing.selectors import past_unallocated as past
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.costs import CostSum, Group, cost_sums
from billing.selectors.figures import status_of
from billing.selectors.past_costs import TooManyMonthsError
from billing.selectors.past_unallocated import past_unallocated
from billing.selectors.unallocated import ATTRIBUTES, Candidate, unallocated_candidates
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import make_use_case
from tests.billing.closing import close, make_invoice
from tests.billing.factories import give_all, make_rule, retire_rule
from tests.imports import START, Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
BEGAN = START - dt.timedelta(days=60)  # a decision is never in the future of the database
MAY = Month(2026, 5)
Said = tuple[list[Candidate], list[CostSum]]


def said(now: dt.datetime) -> Said:
    """What the list of now says, each attribute, and the sums by reason above it."""
    found, _ = unallocated_candidates(fields=ATTRIBUTES, first=MAY, last=MAY, now=now)
    rows = MonthlyCost.objects.filter(use_case__isnull=True, day__gte=MAY.start, day__lt=MAY.end)
    return found, cost_sums(rows, by=(Group.REASON,), now=now)


def was(at: dt.datetime) -> Said:
    found = past_unallocated(fields=ATTRIBUTES, first=MAY, last=MAY, at=at)
    return found.candidates, found.by_reason


def bill(cost: str = "5") -> list[dict[str, str]]:
    """Two services, an account that changes its name, a credit and a line of a use case."""
    billed = {"InvoiceId": "INV-1", "SubAccountId": "s1", "SubAccountName": f"Search {cost}"}
    return [
        line(3, cost, Tags='{"team": "core", "env": "prod"}', **billed),
        line(4, "-7", Tags='{"team": "core"}', ChargeCategory="Credit", **billed),
        line(5, "99", Tags='{"use_case": "triage"}', **billed),
        line(6, "1.000000003", Tags="{}", ServiceName="Storage",
             **billed | {"SubAccountName": "Storage"}),
    ]  # fmt: skip


@pytest.mark.both_engines
def test_every_earlier_list_comes_back_with_its_statuses() -> None:
    """After a revision, a rule that leaves a remainder, its end, another name and a close."""
    clock, cloud, kept = Clock(BEGAN), make_connection(), []

    def keep() -> None:
        kept.append((clock.now, said(clock.now)))

    run_import(cloud, bill(), clock=clock, at=BEGAN)
    keep()
    run_import(cloud, bill("6"), clock=clock, at=BEGAN)
    keep()
    rule = make_rule((make_use_case(), 500_000), tag_key="team", value="core", at=clock())
    keep()
    retire_rule(rule_id=rule.pk, reason="Over.", actor=rule.created_by, at=clock())
    keep()
    clock.now += dt.timedelta(days=20)
    close(make_invoice("99.000000003"), at=clock())
    keep()
    run_import(cloud, bill("8"), clock=clock, at=BEGAN)
    keep()
    for at, then in kept:
        assert was(at) == then
    without_rule, ended = kept[1][1], kept[3][1]
    assert ended == without_rule
    assert len({str(then) for _, then in kept}) == len(kept) - 1


@pytest.mark.both_engines
def test_a_candidate_is_as_settled_as_its_least_settled_line() -> None:
    clock, cloud = Clock(BEGAN), make_connection()

    def statuses(at: dt.datetime) -> dict[str, FigureStatus]:
        asked = {"fields": [MatchField.SERVICE], "first": MAY, "last": MAY}
        found, _ = unallocated_candidates(**asked, now=at)  # type: ignore[arg-type]
        assert past_unallocated(**asked, at=at).candidates == found  # type: ignore[arg-type]
        return {each.value: status_of(each.sum, now=at) for each in found}

    run_import(cloud, bill(), clock=clock, at=BEGAN)
    service = bill()[0]["ServiceName"]
    assert statuses(clock.now) == dict.fromkeys((service, "Storage"), FigureStatus.PROVISIONAL)
    run_import(cloud, bill("6"), clock=clock, at=BEGAN)
    assert statuses(clock.now) == {
        service: FigureStatus.RESTATED, "Storage": FigureStatus.PROVISIONAL,
    }  # fmt: skip
    clock.now += dt.timedelta(days=20)
    assert statuses(clock.now) == {
        service: FigureStatus.RESTATED, "Storage": FigureStatus.FINAL,
    }  # fmt: skip
    close(make_invoice("99.000000003"), at=clock())
    assert statuses(clock.now) == dict.fromkeys((service, "Storage"), FigureStatus.CLOSED)


def test_it_takes_as_many_queries_however_much_there_is(
    django_assert_num_queries: Any,
) -> None:
    clock, cloud = Clock(BEGAN), make_connection()
    give_all(make_use_case(), at=clock())
    for number in (1, 12):
        rows = [line(each + 3, "1", ResourceId=f"r{each}") for each in range(number)]
        run_import(cloud, rows, clock=clock, at=BEGAN)
        with django_assert_num_queries(15):
            was(clock.now)
        with django_assert_num_queries(7):
            unallocated_candidates(fields=ATTRIBUTES, first=MAY, last=MAY, now=clock.now)


def test_a_name_is_that_of_the_newest_line() -> None:
    names = (("Older", 3), ("Newest", 9), ("Old", 4))
    rows = [line(day, "1", SubAccountId="s", SubAccountName=name) for name, day in names]
    run_import(make_connection(), rows)
    fields = [MatchField.SUB_ACCOUNT]
    found, _ = unallocated_candidates(fields=fields, first=MAY, last=MAY, now=START)
    assert [(each.value, each.name) for each in found] == [("s", "Newest")]


def test_lines_that_state_no_effective_cost_are_said_and_not_counted_as_nothing() -> None:
    rows = [line(3, "5", EffectiveCost="4"), line(4, "7", EffectiveCost="")]
    run_import(make_connection(), rows)
    fields = [MatchField.SERVICE]
    ((one,), _) = unallocated_candidates(fields=fields, first=MAY, last=MAY, now=START)
    assert (one.sum.effective_nano, one.sum.effective_unknown, one.sum.lines) == (4 * 10**9, 1, 2)


def test_before_the_first_import_there_is_nothing() -> None:
    clock = Clock(BEGAN)
    before = clock.now
    run_import(make_connection(), bill(), clock=clock, at=BEGAN)
    found = past_unallocated(fields=ATTRIBUTES, first=MAY, last=MAY, at=before)
    assert (found.candidates, found.by_reason, found.had_lines) == ([], [], False)
    assert past_unallocated(fields=ATTRIBUTES, first=MAY, last=MAY, at=clock.now).had_lines


def test_more_than_is_worked_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run_import(make_connection(), bill())
    with pytest.raises(TooManyMonthsError, match="at most 12 months"):
        past_unallocated(fields=ATTRIBUTES, first=MAY - 12, last=MAY, at=START)
    monkeypatch.setattr(past, "MOST_CHARGES_AS_OF", 3)
    with pytest.raises(TooManyChargesError, match="More than 3 charges"):
        past_unallocated(fields=ATTRIBUTES, first=MAY, last=MAY, at=START + dt.timedelta(hours=1))
