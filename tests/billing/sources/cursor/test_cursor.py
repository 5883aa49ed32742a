"""Cursor: events without ids, cycles that are no months, and a total that is only compared."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from billing.models import Charge, UsageDimension
from billing.sources.cursor.client import FETCH
from billing.sources.cursor.cycles import cycle_of
from billing.sources.cursor.source import CursorSource
from portal.imports.contracts import FetchJob, ImportRefusedError, SourceUnavailableError
from portal.models import Connection, ImportRun
from tests.billing.sources.answers import (
    Asking,
    Read,
    assert_same_however_it_comes,
    connect,
    fetched,
    read,
    shuffled,
    spool,
)
from tests.billing.sources.cursor.serving import Cursor, event, ms
from tests.imports import counts, run_import

SOURCE = CursorSource()
CYCLE = dt.datetime(2026, 9, 2, 8, 30, tzinfo=dt.UTC)
START, END = dt.date(2026, 9, 1), dt.date(2026, 9, 5)
INCLUDED = "Included in Business"


def events() -> list[dict[str, Any]]:
    """Four days around the turn of a cycle and the running day; two events alike in everything."""
    twin = event("2026-09-03T10:15:00.123+00:00")
    return [
        event("2026-09-01T23:59:59.999+00:00", user="bo@example.com"),
        event("2026-09-02T08:29:59.999+00:00", cents=1),
        event("2026-09-02T08:30:00+00:00", cents=2),
        event("2026-09-02T09:00:00+00:00", kind=INCLUDED, cents=8, user="bo@example.com"),
        twin,
        dict(twin),
        event("2026-09-04T00:00:00+00:00", cents=0.1),
        event("2026-09-04T23:00:00+00:00", cents=0.2),
        event("2026-09-05T00:00:00+00:00", cents=16),
        event("2026-09-05T04:00:00+00:00", kind=INCLUDED, cents=32),
    ]


def provider(**changes: Any) -> Cursor:
    return Cursor(events(), CYCLE, **changes)


def taken(folder: Path, **config: Any) -> Read:
    return read(SOURCE, folder, fetched(FETCH, {}, provider(), START, END, END), **config)


def one(folder: Path, row: dict[str, Any], **config: Any) -> Read:
    config = {"cycle_start": "2026-09-02T08:30:00Z", **config}
    return read(SOURCE, folder, spool(("", {"usageEvents": [row]})), **config)


# --- events -------------------------------------------------------------------------------


def test_cents_are_read_from_their_text_and_included_usage_bills_nothing(tmp_path: Path) -> None:
    found = taken(tmp_path)
    assert found.rejections == []
    assert len(found.charges) == 8
    assert found.billed() == Decimal("0.1536")  # 4.02 · 3 + 1 + 2 + 0.1 + 0.2 cents
    assert found.effective() == found.billed() + Decimal("0.08")
    assert found.charges[3].billed_nano == 0
    assert {c.dimension.billing_account_id for c in found.charges} == {"cursor"}


def test_what_is_not_chargeable_still_has_its_price(tmp_path: Path) -> None:
    row = event("2026-09-03T10:00:00+00:00", kind=INCLUDED, cents=8)
    assert row["isChargeable"] is False
    (charge,) = one(tmp_path, row).charges
    assert (charge.billed_nano, charge.effective_nano, charge.list_nano) == (0, 80_000_000, None)
    assert json.loads(charge.dimension.extra)["isChargeable"] is False
    (charge,) = one(tmp_path, row, included_usage="list").charges
    assert (charge.billed_nano, charge.effective_nano, charge.list_nano) == (0, 0, 80_000_000)


def test_the_person_is_on_the_charge_and_in_no_quantity(tmp_path: Path) -> None:
    found = taken(tmp_path)
    people = {"dev@example.com", "bo@example.com"}
    assert {c.dimension.principal_id for c in found.charges} == people
    assert not any(people & set(map(str, u.dimension)) for u in found.usage)
    assert found.quantities()[("cursor.events", "requests")] == 8
    assert found.quantities()[("cursor.events", "tokens.input.cache_read")] == 120_000


@pytest.mark.parametrize(
    ("changes", "code", "fatal"),
    [
        ({"chargedCents": None}, "missing_amount", True),
        ({"chargedCents": "soon"}, "bad_amount", True),
        ({"kind": "Something new"}, "unknown_kind", True),
        ({"kind": "Errored, Not Charged"}, "charged_though_free", True),
        ({"timestamp": "yesterday"}, "bad_datetime", False),
        ({"timestamp": "1788431000"}, "bad_datetime", False),  # seconds
        ({"tokenUsage": {"inputTokens": -1}}, "bad_quantity", False),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, changes: dict[str, Any], code: str, fatal: bool
) -> None:
    found = one(tmp_path, event("2026-09-03T10:00:00+00:00", **changes))
    (rejection,) = found.rejections
    assert (rejection.code, rejection.fatal) == (code, fatal)
    assert found.charges == found.usage == []


@pytest.mark.parametrize("missing", [{"chargedCents": None}, {"chargedCents": ""}])
def test_an_included_event_without_a_price_is_billed_at_nothing_and_worth_what_nobody_knows(
    tmp_path: Path, missing: dict[str, Any]
) -> None:
    row = event("2026-09-03T10:00:00+00:00", kind=INCLUDED, **missing)
    found = one(tmp_path, row)
    (charge,) = found.charges
    assert (charge.billed_nano, charge.effective_nano, charge.list_nano) == (0, None, None)
    assert [note.code for note in found.notes] == ["events_without_price"]
    assert found.quantities()[("cursor.events", "requests")] == 1
    (charge,) = one(tmp_path, row, included_usage="list").charges
    assert (charge.billed_nano, charge.effective_nano, charge.list_nano) == (0, 0, None)


def test_a_free_event_without_a_price_costs_nothing(tmp_path: Path) -> None:
    for kind in ("Errored, Not Charged", "Free", "User API Key"):
        row = event("2026-09-03T10:00:00+00:00", kind=kind, chargedCents=None)
        for each in (row, {key: row[key] for key in row if key != "chargedCents"}):
            found = one(tmp_path, each)
            assert (found.billed(), found.effective(), found.rejections) == (0, 0, [])
            assert not found.notes


def test_a_price_is_never_made_up_where_the_bill_has_one(tmp_path: Path) -> None:
    for kind in ("Usage-based", "Something new"):
        row = event("2026-09-03T10:00:00+00:00", kind=kind, chargedCents=None)
        (rejection,) = one(tmp_path, row).rejections
        assert (rejection.code, rejection.fatal) == ("missing_amount", True)


def test_what_costs_nothing_may_be_of_any_kind(tmp_path: Path) -> None:
    for kind in ("Something new", "Errored, Not Charged", "Free"):
        found = one(tmp_path, event("2026-09-03T10:00:00+00:00", kind=kind, cents=0))
        assert (found.billed(), found.effective(), found.rejections) == (0, 0, [])


# --- cycles -------------------------------------------------------------------------------


def test_an_event_belongs_to_the_cycle_and_not_to_the_month(tmp_path: Path) -> None:
    found = taken(tmp_path)
    periods = {(c.billing_period_start, c.billing_period_end) for c in found.charges}
    assert periods == {
        (dt.datetime(2026, 8, 2, 8, 30, tzinfo=dt.UTC), CYCLE),
        (CYCLE, dt.datetime(2026, 10, 2, 8, 30, tzinfo=dt.UTC)),
    }
    assert sum(c.billing_period_start == CYCLE for c in found.charges) == 6
    first = min(c.charge_period_start for c in found.charges if c.billing_period_start == CYCLE)
    assert first == CYCLE


@given(anchor=st.integers(0, 3 * 365 * 24), at=st.integers(0, 3 * 365 * 24))
def test_cycles_leave_no_gap(anchor: int, at: int) -> None:
    _check_cycle(CYCLE + dt.timedelta(hours=anchor), CYCLE + dt.timedelta(hours=at))


def _check_cycle(anchor: dt.datetime, at: dt.datetime) -> None:
    start, end = cycle_of(at, anchor)
    assert start <= at < end
    assert dt.timedelta(28) <= end - start <= dt.timedelta(31)
    assert cycle_of(end, anchor)[0] == end
    assert cycle_of(anchor, anchor)[0] == anchor


def test_without_a_cycle_nothing_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="billing cycle starts"):
        read(SOURCE, tmp_path, spool(("", {"usageEvents": [event("2026-09-03T10:00:00+00:00")]})))
    with pytest.raises(ImportRefusedError, match="the connection's does not"):
        taken(tmp_path, cycle_start="2026-09-03T00:00:00Z")


# --- fetching -----------------------------------------------------------------------------


def test_reading_is_by_post_with_the_key_as_user_name() -> None:
    sent = FETCH.headers(SecretStr("key_123"))["Authorization"]
    assert isinstance(sent, SecretStr)
    assert sent.get_secret_value() == "Basic a2V5XzEyMzo="
    asking = Asking(provider())
    FETCH.fetch(FetchJob({}, START, END, asking, None))
    assert {path for path, _, _ in asking.asked} == {"/teams/spend", "/teams/filtered-usage-events"}
    assert all(body for _, _, body in asking.asked)
    assert asking.asked[-1][2]["startDate"] == 1788220800000


@pytest.mark.parametrize("fault", ["lost", "repeated", "under another number", "stuck"])
def test_pages_that_do_not_add_up_are_not_taken(fault: str) -> None:
    honest = provider(page_size=3)

    def ask(path: str, query: Any, body: Any) -> Any:
        answer = honest(path, query, body)
        if path == "/teams/spend" or body["page"] != 2:
            return answer
        if fault == "lost":
            answer["pagination"]["hasNextPage"] = False
        elif fault == "repeated":
            return honest(path, query, {**body, "page": 1})
        elif fault == "under another number":
            first = honest(path, query, {**body, "page": 1})["usageEvents"]
            answer["usageEvents"] = first[::-1]
        else:
            answer["usageEvents"] = []
        return answer

    with pytest.raises(SourceUnavailableError):
        fetched(FETCH, {}, ask, START, END)


def test_two_equal_events_on_pages_of_their_own_are_two_when_they_stay(tmp_path: Path) -> None:
    """Which is found out by asking for the page again; what comes then is not imported."""
    twice = [event("2026-09-03T10:00:00+00:00", cents=1)] * 2
    alone = Cursor(twice, CYCLE, page_size=1)
    asking = Asking(alone)
    FETCH.fetch(FetchJob({}, START, END, asking, None))
    assert read(SOURCE, tmp_path, asking.spool).billed() == Decimal("0.02")
    pages = [body["page"] for path, _, body in asking.asked if path != "/teams/spend"]
    assert pages == [1, 2, 2, 2]


def test_a_single_event_that_is_another_when_asked_for_again_is_no_answer() -> None:
    others = [event(f"2026-09-03T1{hour}:00:00+00:00", cents=1) for hour in range(2)]
    honest, met = Cursor(others, CYCLE, page_size=1), list[int]()

    def ask(path: str, query: Any, body: Any) -> Any:
        answer = honest(path, query, body)
        if path != "/teams/spend" and body["page"] == 2 and not met:
            met.append(2)
            answer["usageEvents"] = honest(path, query, {**body, "page": 1})["usageEvents"]
        return answer

    with pytest.raises(SourceUnavailableError, match="page 2"):
        fetched(FETCH, {}, ask, START, END)


def test_an_event_on_the_edge_of_two_ranges_counts_once(tmp_path: Path) -> None:
    edge = [event(f"2026-09-{day:02}T00:00:00+00:00", cents=1) for day in (1, 16, 30)]
    for inclusive in (False, True):
        source = Cursor(edge, CYCLE, inclusive=inclusive)
        content = fetched(FETCH, {}, source, START, dt.date(2026, 10, 1))
        assert read(SOURCE, tmp_path, content).billed() == Decimal("0.03")


def test_saved_pages_are_taken_when_all_are_there(tmp_path: Path) -> None:
    cursor = provider(page_size=3)
    asked = {"startDate": ms(CYCLE), "endDate": ms(CYCLE) + 3 * 86_400_000}
    pages = [cursor("/e", {}, {**asked, "page": page, "pageSize": 3}) for page in (1, 2, 3)]
    config = {"cycle_start": "2026-09-02T08:30:00Z"}
    assert read(SOURCE, tmp_path, spool(*(("", each) for each in pages)), **config).charges
    for missing in (pages[:1], pages[1:], [pages[0], pages[2]]):
        with pytest.raises(ImportRefusedError, match="speaks of 8 events") as error:
            read(SOURCE, tmp_path, spool(*(("", each) for each in missing)), **config)
        assert error.value.code == "pages_missing"


def test_a_page_twice_in_an_upload_is_refused(tmp_path: Path) -> None:
    content = fetched(FETCH, {}, provider(), START, END)
    with pytest.raises(ImportRefusedError, match="twice"):
        read(SOURCE, tmp_path, content, content)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"hello": 1}, "unknown_answer"),
        ([1], "unknown_answer"),
        ({"usageEvents": {}}, "cycle_unknown"),
        ({"teamMemberSpend": [], "subscriptionCycleStart": "soon"}, "bad_datetime"),
        ({"teamMemberSpend": [{}], "subscriptionCycleStart": 1788220800000}, "not_spend"),
    ],
)
def test_what_is_no_answer_is_refused(tmp_path: Path, answer: Any, code: str) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, spool(("", answer)))
    assert refused.value.code == code


def test_a_start_of_a_cycle_that_is_no_time_is_refused_in_words(tmp_path: Path) -> None:
    for start in ("9999-12-17T08:30:00Z", "2026-13-01T00:00:00Z"):
        with pytest.raises(ImportRefusedError, match="start of a billing cycle") as refused:
            one(tmp_path, event("2026-09-03T10:00:00+00:00"), cycle_start=start)
        assert (refused.value.column, refused.value.value) == ("cycle_start", start)


# --- the control total --------------------------------------------------------------------


def test_the_total_is_held_against_the_lines_without_the_running_day(tmp_path: Path) -> None:
    found = taken(tmp_path)
    billed, effective = found.controls
    assert (billed.measure, billed.expected) == ("billed", Decimal("0.1034"))
    assert (effective.measure, effective.expected) == ("effective", Decimal("0.1834"))
    assert billed.billing_period_start == CYCLE
    # Only the newest window is compared: the total is of now.
    older = read(SOURCE, tmp_path, fetched(FETCH, {}, provider(), START, END))
    assert older.controls == []


@pytest.mark.parametrize("at", ["2026-09-03T10:00:00+00:00", "2026-09-05T04:30:00+00:00"])
def test_what_is_worth_what_nobody_knows_is_not_held_against_the_whole_spend(
    tmp_path: Path, at: str
) -> None:
    """Neither when it is imported, nor when it is of the running day."""
    unpriced = event(at, kind=INCLUDED, chargedCents=None)
    source = Cursor([*events(), unpriced], CYCLE, spend={"dev@example.com": (26.34, 66.34)})
    found = read(SOURCE, tmp_path, fetched(FETCH, {}, source, START, END, END))
    assert [(control.measure, control.expected) for control in found.controls] == [
        ("billed", Decimal("0.1034"))
    ]


def bring(connection: Connection, source: Cursor) -> ImportRun:
    content = fetched(FETCH, connection.config, source, START, END, END)
    return run_import(connection, content, window=(START, END))


@pytest.mark.django_db
def test_a_total_that_differs_is_said_and_beyond_the_bound_held() -> None:
    connection = connect("cursor", control_percent=0, control_floor=1)
    run = bring(connection, provider())
    assert (run.status, run.notes) == ("applied", [])
    assert [each["difference"] for each in run.facts["controls"]] == ["0", "0"]

    near = provider(spend={"dev@example.com": (26.34 + 50, 66.34)})
    run = bring(connection, near)
    assert run.status == "applied"
    (note,) = run.notes
    assert note[0] == "control_total"
    assert "a difference of 0.5." in note[1]
    assert Charge.objects.count() == 8  # the total is nobody's cost

    far = provider(spend={"dev@example.com": (26.34 + 200, 66.34)})
    run = bring(connection, far)
    assert run.status == "held"
    assert "Cursor's on-demand spend since 2026-09-02 is 2.1034 USD" in run.held_reason


@pytest.mark.sweep
@pytest.mark.django_db
def test_a_connection_that_starts_within_a_cycle_is_not_held_for_it() -> None:
    connection = connect("cursor", control_percent=0, control_floor=0)
    start = dt.date(2026, 9, 4)
    content = fetched(FETCH, connection.config, provider(), start, END, END)
    run = run_import(connection, content, window=(start, END))
    assert run.status == "applied"
    assert all("have not been imported" in message for _, message in run.notes)


# --- through the engine -------------------------------------------------------------------


@pytest.mark.django_db
def test_any_order_and_any_size_of_page_are_the_same_rows() -> None:
    connection = connect("cursor")
    mixed = Cursor(shuffled(events()), CYCLE)
    assert_same_however_it_comes(
        connection,
        {
            "one page": fetched(FETCH, {}, provider(), START, END, END),
            "again": fetched(FETCH, {}, provider(), START, END, END),
            "shuffled": fetched(FETCH, {}, mixed, START, END, END),
            "a page each": fetched(FETCH, {}, provider(page_size=1), START, END, END),
            "three a page": fetched(FETCH, {}, provider(page_size=3), START, END),
            "inclusive ends": fetched(FETCH, {}, provider(inclusive=True), START, END, END),
        },
        (START, END),
    )
    assert Charge.objects.count() == 8
    assert Charge.objects.first().cost_basis == "metered"  # type: ignore[union-attr]
    assert not UsageDimension.objects.filter(tags__contains="@").exists()


@pytest.mark.sweep
@pytest.mark.django_db
def test_one_of_two_equal_events_may_go() -> None:
    connection = connect("cursor")
    bring(connection, provider())
    run = bring(connection, Cursor(events()[:5] + events()[6:], CYCLE))
    assert counts(run)["superseded"] == 1
    assert Charge.objects.filter(superseded_at__isnull=True).count() == 7
