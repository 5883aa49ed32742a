"""An import that seems to bring what another source has says so, and a close waits for a word."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import SpendOverlap
from billing.selectors.open_suspicions import suspicions_in, suspicions_to_settle
from billing.selectors.references import FigureReference
from billing.selectors.suspicions import suspected_overlaps
from billing.services.closes import CloseRefusedError, request_close
from billing.services.overlaps import (
    OverlapDraft,
    OverlapRefusedError,
    declare_overlap,
    end_overlap,
)
from portal.choices import Role, RunStatus
from portal.models import Connection, ImportRun, User
from tests.adoption.factories import make_user
from tests.billing.closing import MAY, bill_line, make_invoice, only_checklist
from tests.billing.services.test_overlaps import AMOUNTS
from tests.billing.watching import charge_line
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(hours=1)
WHOLE_MAY = FigureReference(first=MAY, last=MAY)


def bill(slug: str, account: str, *amounts: str, **changes: str) -> tuple[Connection, ImportRun]:
    connected = make_connection(slug)
    rows = [
        bill_line(3 + place, cost, BillingAccountId=account, **changes)
        for place, cost in enumerate(amounts)
    ]
    return connected, run_import(connected, rows)


def same_bill_twice() -> tuple[Connection, Connection, ImportRun]:
    """The same bill through two connections, which call the account differently."""
    first, _ = bill("direct", "0042", *AMOUNTS)
    second, run = bill("gateway", "9999", *AMOUNTS)
    return first, second, run


def say(counted: Connection, other: Connection, actor: User, **fields: Any) -> SpendOverlap:
    draft = OverlapDraft(counted=counted, other=other, first=MAY, reason="Seen.", **fields)
    return declare_overlap(draft=draft, actor=actor, at=LATER)


@pytest.mark.both_engines
def test_the_run_names_the_other_source_the_months_and_the_amount() -> None:
    _, _, run = same_bill_twice()
    assert run.status == RunStatus.APPLIED
    (note,) = run.notes
    assert note[0] == "seems_double"
    for said in ("Direct", "36.50", "May 2026", "the same sum on 6 of 6 days"):
        assert said in note[1]


def test_a_run_of_money_of_its_own_says_nothing() -> None:
    bill("direct", "0042", *AMOUNTS)
    _, run = bill("gateway", "9999", "1", "2", "30", "4", "55", "6")
    assert run.notes == []


def test_one_doubled_month_among_others_is_found() -> None:
    """Over the whole window too few days agree."""
    june = [dt.date(2026, 6, day) for day in range(1, 25)]
    first, _ = bill("direct", "0042", *AMOUNTS)
    second, _ = bill("gateway", "9999", *AMOUNTS)
    run_import(first, [charge_line(day, str(day.day), "x", BillingAccountId="a") for day in june])
    others = [charge_line(day, str(40 - day.day), "x", BillingAccountId="b") for day in june]
    run_import(second, others)
    (found,) = suspected_overlaps(first=MAY, last=MAY + 1)
    assert (found.window, found.doubled_nano) == ("May 2026", 36_500_000_000)


def test_only_sums_that_hold_both_are_warned_of(
    django_assert_max_num_queries: Any,
) -> None:
    same_bill_twice()
    (found,) = suspicions_in(WHOLE_MAY)
    assert (found.first.slug, found.second.slug) == ("direct", "gateway")
    assert found.exact == "36.5 USD"
    for reference in (
        WHOLE_MAY.with_(connection="gateway"),
        WHOLE_MAY.with_(currency="EUR"),
        WHOLE_MAY.with_(provider="Another"),
        FigureReference(first=MAY + 1, last=MAY + 1),
    ):
        assert suspicions_in(reference) == []
    with django_assert_max_num_queries(3):  # kept until a cost is written
        assert len(suspicions_in(WHOLE_MAY)) == 1


def test_bases_that_are_never_added_are_no_warning() -> None:
    bill("direct", "0042", *AMOUNTS)
    rows = [
        bill_line(3 + place, cost, BillingAccountId="9999") for place, cost in enumerate(AMOUNTS)
    ]
    run = run_import(make_connection("guess", cost_basis="estimated"), rows)
    assert suspected_overlaps(first=MAY, last=MAY)
    assert (run.notes, suspicions_in(WHOLE_MAY)) == ([], [])


@pytest.mark.both_engines
def test_a_month_with_an_open_suspicion_is_not_closed_until_it_is_answered() -> None:
    first, second, _ = same_bill_twice()
    invoice = make_invoice("36.50")
    finance = make_user(Role.FINANCE)
    checklist = only_checklist()
    (problem,) = checklist.problems
    assert "36.50" in problem
    assert "through Direct and through Gateway" in problem
    with pytest.raises(CloseRefusedError, match="came twice"):
        request_close(scope=checklist.scope, reason="", actor=finance, at=LATER)
    word = say(first, second, finance, is_distinct=True)
    assert not word.is_excluded
    assert only_checklist().problems == []
    assert suspicions_to_settle(finance) == []
    end_overlap(overlap_id=word.pk, reason="It was the same.", actor=finance, at=LATER)
    assert only_checklist().problems
    say(first, second, finance)
    assert only_checklist().problems == []
    assert invoice.superseded_at is None


def test_an_answer_holds_for_its_months_only() -> None:
    first, second, _ = same_bill_twice()
    say(first, second, make_user(Role.FINANCE), is_distinct=True, last=MAY)
    june = [dt.date(2026, 6, 1 + place) for place in range(6)]
    for source in (first, second):
        lines = [
            charge_line(day, cost, "x", BillingAccountId=source.slug)
            for day, cost in zip(june, AMOUNTS, strict=True)
        ]
        run_import(source, lines)
    assert suspected_overlaps(first=MAY, last=MAY) == []
    (found,) = suspected_overlaps(first=MAY + 1, last=MAY + 1)
    assert found.window == "Jun 2026"


def test_the_same_days_are_not_said_to_be_both() -> None:
    first, second, _ = same_bill_twice()
    finance = make_user(Role.FINANCE)
    say(second, first, finance, is_distinct=True)
    with pytest.raises(OverlapRefusedError, match="said to be different money"):
        say(first, second, finance)
    assert SpendOverlap.objects.count() == 1


def test_only_finance_is_asked() -> None:
    same_bill_twice()
    assert len(suspicions_to_settle(make_user(Role.FINANCE))) == 1
    assert suspicions_to_settle(make_user(Role.AUDITOR)) == []
