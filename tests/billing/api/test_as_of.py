"""`as_of` through the API: an answer that was given once is given again, whatever came since."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import time_machine
from rest_framework.test import APIClient

from adoption.models import UseCase
from billing.api import explanations
from billing.models import Charge, MonthlyCost
from billing.selectors import past_costs
from billing.selectors.explanations import Bounds
from billing.selectors.moments import moment_key
from billing.selectors.references import MEASURES, FigureReference
from portal.choices import Role
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import bill_line, close, make_invoice, tell_a_close
from tests.billing.factories import make_draft, make_rule, replace_rule
from tests.imports import Clock, line, make_connection, run_import
from tests.portal.api.conformance import PublishedSchema

pytestmark = pytest.mark.django_db
DAILY = "/api/v1/costs/daily/"
EXPLAIN = "/api/v1/costs/explain/"
FIRST = dt.datetime(2026, 6, 10, 12, 0, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)
MONTHS = {"from": "2026-05", "to": "2026-05"}
DAYS = {"from": "2026-05-01", "to": "2026-06-01"}


@pytest.fixture
def client(db: None) -> APIClient:
    made = APIClient()
    made.force_login(make_user(Role.FINANCE))
    return made


@pytest.fixture
def case(db: None) -> UseCase:
    return make_use_case(title="Answer drafts")


def get(client: APIClient, path: str, **query: str) -> Any:
    return get_at(LATER, client, path, **query)


def get_at(now: dt.datetime, client: APIClient, path: str, **query: str) -> Any:
    """What is answered at a moment."""
    with time_machine.travel(now, tick=False):
        response = client.get(path, query)
    assert response.status_code == 200, response.content
    return response.json()


def as_told(answer: Any) -> Any:
    """An answer without what says when it was asked for."""
    if isinstance(answer, dict):
        skipped = {"lineage_url", "recorded_at"}
        return {key: as_told(value) for key, value in answer.items() if key not in skipped}
    if isinstance(answer, list):
        # The order within a day is that of the rows then, and of their digests later.
        told = [as_told(each) for each in answer]
        return sorted(told, key=str) if told and "day" in told[0] else told
    return answer


def kept_answers(client: APIClient, path: str, query: dict[str, str], case: UseCase) -> Any:
    """Moments with what was answered then: before, between and after revisions of bill and rule."""
    clock, cloud, other = Clock(FIRST), make_connection(), make_use_case(title="Triage")
    rule = make_rule((case, 333_333), (other, 333_333), at=clock())
    bills = [
        [line(3, "10"), line(4, "20.000000007", ServiceName="Search"), line(5, "1", Tags="{}")],
        [line(3, "11"), line(4, "20.000000007", ServiceName="Search"), line(5, "1", Tags="{}")],
        [line(3, "11"), line(4, "5", EffectiveCost="")],
    ]
    kept = []
    for number, bill in enumerate(bills):
        run_import(cloud, bill, clock=clock)
        if number == 1:
            draft = make_draft((case, 1_000_000))
            rule = replace_rule(
                rule_id=rule.pk, draft=draft, reason="", actor=rule.created_by, at=clock()
            )
        at = clock()
        kept.append((at, get_at(at, client, path, **query)))
        clock.now += dt.timedelta(days=20)  # what was provisional becomes final
    return kept


@pytest.mark.both_engines
@pytest.mark.parametrize("name", ["use case", "days"])
def test_an_answer_that_was_given_is_given_again(
    name: str, client: APIClient, case: UseCase
) -> None:
    path = f"/api/v1/use-cases/{case.slug}/costs/" if name == "use case" else DAILY
    query = MONTHS if name == "use case" else DAYS
    kept = kept_answers(client, path, query, case)
    for at, then in kept:
        again = get(client, path, **query, as_of=moment_key(at))
        assert as_told(again) == as_told(then)
        assert "as_of=2026-" in str(again)  # its links lead to the same moment
    assert len({str(as_told(then)) for _, then in kept}) == 3


@pytest.mark.both_engines
def test_statuses_come_back_as_they_were(client: APIClient) -> None:
    """Of a month that was final, closed, and revised after its close: through every endpoint."""
    cloud, clock = make_connection(), Clock(FIRST)
    kept = []

    def keep() -> None:
        at = clock()
        sums = get_at(at, client, EXPLAIN, figure="cost:month=2026-05")["sums"]
        kept.append((at, sums, get_at(at, client, DAILY, **DAYS)["results"]))

    run_import(cloud, [bill_line(3), bill_line(4)], clock=clock, at=clock.now)
    keep()
    clock.now += dt.timedelta(days=20)
    keep()
    close(make_invoice("3.00", at=clock()), at=clock())
    keep()
    run_import(cloud, [bill_line(3, "9"), bill_line(4)], clock=clock, at=clock.now)
    keep()
    statuses = [[each["status"] for each in sums] for _, sums, _ in kept]
    assert statuses == [["provisional"], ["final"], ["closed"], ["restated"]]
    for at, sums, days in kept:
        again = {"as_of": moment_key(at)}
        assert get(client, EXPLAIN, figure="cost:month=2026-05", **again)["sums"] == sums
        assert as_told(get(client, DAILY, **DAYS, **again)["results"]) == as_told(days)


@pytest.mark.both_engines
def test_one_figure_has_one_status(client: APIClient, case: UseCase) -> None:
    make_rule((case, 1_000_000))
    run_import(make_connection(), [line(3, "1")])
    MonthlyCost.objects.update(cost_basis="derived")
    run_import(make_connection("other"), [line(3, "1", BillingAccountId="9")])
    may = dt.datetime(2026, 5, 20, tzinfo=dt.UTC)
    for now in (may, dt.datetime(2026, 11, 21, tzinfo=dt.UTC), LATER):
        explained = get_at(now, client, EXPLAIN, figure=f"cost:use_case={case.slug}")
        told = get_at(now, client, f"/api/v1/use-cases/{case.slug}/costs/")
        statuses = {each["billed"]["status"] for each in told["totals"]}
        assert {each["status"] for each in explained["sums"]} == statuses
        assert "open" not in statuses


@pytest.mark.both_engines
@pytest.mark.parametrize("limit", ["1", "4", "500"])
def test_days_as_of_a_moment_come_in_pages_both_ways(
    limit: str, client: APIClient, case: UseCase
) -> None:
    clock = Clock()
    rows = [line(1 + n // 3, "1", ServiceName=f"Service {n}", ResourceId=str(n)) for n in range(10)]
    run_import(make_connection(), rows, clock=clock)
    at = moment_key(clock())
    whole = get(client, DAILY, **DAYS, as_of=at)["results"]
    assert len(whole) == 10
    pages = pages_of(client, DAILY, "results", **DAYS, as_of=at, limit=limit)
    assert [row for page in pages for row in page] == whole


def pages_of(client: APIClient, path: str, name: str, **query: str) -> list[list[Any]]:
    """Every page; on the way back they are the same."""
    found, back = [], []
    answer = get(client, path, **query)
    found.append(answer[name])
    while answer["next"]:
        answer = follow(client, answer["next"])
        found.append(answer[name])
    while answer["previous"]:
        answer = follow(client, answer["previous"])
        back.append(answer[name])
    assert [row for page in reversed(back) for row in page] == [
        row for page in found[:-1] for row in page
    ]
    return found


def follow(client: APIClient, url: str) -> Any:
    parts = urlsplit(url)
    return get(
        client, parts.path, **{key: found[0] for key, found in parse_qs(parts.query).items()}
    )


@pytest.mark.parametrize(
    ("path", "query", "problem"),
    [
        (DAILY, DAYS | {"as_of": "2026-12-02"}, "has not come yet"),
        (DAILY, DAYS | {"as_of": "soon"}, "expected 2026-11-20"),
        (DAILY, {"as_of": "2026-11-30"}, "at most 12 months"),
        (DAILY, {"from": "2025-05-01", "to": "2026-05-02", "as_of": "2026-11-30"}, "at most 12"),
        (DAILY, DAYS | {"as_of": "2026-11-30", "cursor": "abc"}, "did not give out"),
        ("costs", MONTHS | {"as_of": "2027-01-01T00:00Z"}, "has not come yet"),
        ("costs", {"as_of": "2026-11-30"}, "at most 12 months"),
        (EXPLAIN, {"figure": "cost:", "as_of": "2026-12-01T10:00Z"}, "has not come yet"),
        (EXPLAIN, {"figure": "cost:", "as_of": "2026-11-30", "cursor": "WzFd"}, "did not give out"),
    ],
)
def test_what_cannot_be_known_is_refused_clearly(
    path: str, query: dict[str, str], problem: str, client: APIClient, case: UseCase
) -> None:
    address = f"/api/v1/use-cases/{case.slug}/costs/" if path == "costs" else path
    with time_machine.travel(LATER, tick=False):
        response = client.get(address, query)
    assert response.status_code == 400
    assert problem in response.content.decode()


@pytest.mark.parametrize("path", [DAILY, "costs", EXPLAIN])
def test_too_many_lines_are_refused_and_not_timed_out(
    path: str, client: APIClient, case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    run_import(make_connection(), [line(3, "1"), line(4, "1"), line(5, "1")], clock=clock)
    monkeypatch.setattr(past_costs, "MOST_CHARGES_AS_OF", 2)
    monkeypatch.setattr(explanations, "_BOUNDS", Bounds(charges=2))
    query = {DAILY: DAYS, "costs": MONTHS, EXPLAIN: {"figure": "cost:month=2026-05"}}[path]
    address = f"/api/v1/use-cases/{case.slug}/costs/" if path == "costs" else path
    with time_machine.travel(LATER, tick=False):
        response = client.get(address, query | {"as_of": "2026-11-30"})
    assert response.status_code == 400
    assert "More than 2 charges" in response.content.decode()


def test_answers_as_of_a_moment_are_as_the_schema_says(client: APIClient, case: UseCase) -> None:
    published = PublishedSchema()
    clock = Clock()
    make_rule((case, 333_333), at=clock())
    run_import(make_connection(), [line(3, "1"), line(4, "1", EffectiveCost="")], clock=clock)
    at = moment_key(clock())
    charge = Charge.objects.latest("pk").pk
    with time_machine.travel(LATER, tick=False):
        for path, query in (
            (DAILY, DAYS | {"as_of": at}),
            (f"/api/v1/use-cases/{case.slug}/costs/", MONTHS | {"as_of": at}),
            (EXPLAIN, {"figure": "cost:", "as_of": at, "limit": "1"}),
            (EXPLAIN, {"figure": "cost:", "limit": "1"}),
            (EXPLAIN, {"figure": f"charge:{charge}"}),
            (EXPLAIN, {"figure": f"charge:{charge}", "as_of": at}),
        ):
            published.check(client.get(path, query), "get")


# --- explain --------------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("is_past", [False, True])
def test_every_line_of_a_figure_can_be_reached(
    is_past: bool, client: APIClient, case: UseCase
) -> None:
    clock = Clock()
    make_rule((case, 500_000), (make_use_case(), 300_000), at=clock())
    rows = [line(1 + n // 4, f"{n}.000000001", ResourceId=str(n)) for n in range(9)]
    run_import(make_connection(), rows, clock=clock)
    more = {"as_of": moment_key(clock())} if is_past else {}
    pages = pages_of(client, EXPLAIN, "allocations", figure="cost:month=2026-05", limit="5", **more)
    found = [each for page in pages for each in page]
    (total,) = get(client, EXPLAIN, figure="cost:month=2026-05", **more)["sums"]
    assert len(found) == total["lines"] == 27
    assert sum(Decimal(each["billed"]) for each in found) == Decimal(total["billed"])
    assert [len(page) for page in pages] == [5, 5, 5, 5, 5, 2]
    for each in found:
        assert (each["file"], each["run"] > 0, each["line"] > 1) == ("part-0.csv", True, True)
        assert each["day"].startswith("2026-05-0")
        assert each["rule"] == f"{each['rule_key']} v{each['rule_version']}"


@pytest.mark.both_engines
@pytest.mark.parametrize("is_past", [False, True])
def test_lines_of_an_invoice_come_in_pages_too(is_past: bool, client: APIClient) -> None:
    tell_a_close()
    more = {"as_of": "2026-11-30"} if is_past else {}
    figure = "invoice:Billed Ltd/B-1"
    pages = pages_of(client, EXPLAIN, "allocations", figure=figure, limit="1", **more)
    whole = get(client, EXPLAIN, figure=figure, **more)
    assert [each for page in pages for each in page] == whole["allocations"]
    assert len(pages) == whole["lines"] > 1
    assert all(each["file"] and each["line"] and each["run"] for each in whole["allocations"])


@pytest.mark.both_engines
def test_a_charge_as_of_a_moment_went_where_the_rules_of_then_put_it(
    client: APIClient, case: UseCase
) -> None:
    clock, other = Clock(), make_use_case(title="Triage")
    rule = make_rule((case, 1_000_000), at=clock())
    run_import(make_connection(), [line(3, "1")], clock=clock)
    before = moment_key(clock())
    draft = make_draft((other, 1_000_000))
    replace_rule(rule_id=rule.pk, draft=draft, reason="", actor=rule.created_by, at=clock())
    charge = f"charge:{Charge.objects.get().pk}"
    (then,) = get(client, EXPLAIN, figure=charge, as_of=before)["allocations"]
    (now,) = get(client, EXPLAIN, figure=charge)["allocations"]
    assert (then["use_case"], now["use_case"]) == ("answer-drafts", "triage")
    assert (then["rule_version"], now["rule_version"]) == (1, 2)


@pytest.mark.both_engines
def test_what_was_rounded_is_told(client: APIClient, case: UseCase) -> None:
    """At import, and by a split: which part took the nano-unit that was left over."""
    make_rule((case, 333_333), (make_use_case(title="Triage"), 333_333))
    run = run_import(make_connection(), [line(3, "3.3333333335", EffectiveCost="2")])
    charge = Charge.objects.get()
    found = get(client, EXPLAIN, figure=f"charge:{charge.pk}")
    assert found["charge"]["billed"] == "3.333333334"
    assert found["charge"]["written"] == {
        "billed": "3.3333333335",
        "effective": "2",
        "list": "2",
        "contracted": "1.5",
    }
    rounding = found["rounding"]
    assert (rounding["unit"], rounding["mode"]) == ("0.000000001", "half_even")
    (told,) = rounding["runs"]
    assert told["run"] == run.pk
    assert told["url"].endswith(f"/imports/runs/{run.pk}/")
    assert Decimal(told["residue"]["USD"]["billed"]) == Decimal("-0.0000000005")
    rounded = {each["use_case"]: each["rounded"] for each in found["allocations"]}
    # 333,333 millionths of 3,333,333,334 leave 0.222 each, what is not shared out 0.556.
    assert {use_case: each["billed"] for use_case, each in rounded.items()} == {
        "answer-drafts": "down",
        "triage": "down",
        "unallocated": "up",
    }
    assert {each["effective"] for each in rounded.values()} == {"exact"}
    listed = get(client, EXPLAIN, figure="cost:month=2026-05")
    assert listed["rounding"]["runs"] == rounding["runs"]


def bills() -> dt.datetime:
    """Rows that differ in one attribute at a time, in two sources, revised; the moment between."""
    clock = Clock(FIRST)
    make_rule((make_use_case(title="Drafts"), 333_333), at=clock())
    rows = [
        line(3, "10.000000001"),
        line(3, "20", ServiceName="Search"),
        line(3, "40", ChargeCategory="Purchase"),
        line(3, "80", ChargeCategory="Credit"),
        line(3, "160", ProviderName="Other"),
        line(3, "320", Tags="{}"),
        line(4, "640"),
    ]
    first, second = make_connection(), make_connection("second")
    run_import(second, [line(3, "7"), line(4, "9")], clock=clock)
    run_import(first, rows, clock=clock)
    between = clock()
    run_import(first, [line(3, "11"), *rows[1:-1]], clock=clock)
    return between


@pytest.mark.both_engines
def test_a_row_of_a_day_leads_to_what_it_sums_and_nothing_else(client: APIClient) -> None:
    between = bills()
    for moment in ({}, {"as_of": moment_key(between)}):
        told = get(client, DAILY, **DAYS, **moment)["results"]
        assert len({row["day"] for row in told}) == 2
        for row in told:
            addresses = {urlsplit(row[each]["lineage_url"]).query for each in MEASURES}
            assert len(addresses) == 2  # one of each measure, else alike
            query = dict(parse_qsl(addresses.pop()))
            assert query.pop("as_of", None) == moment.get("as_of")
            reference = FigureReference.of(query)
            found = get(client, EXPLAIN, figure=str(reference), **moment)
            (total,) = found["sums"]
            assert [total[each] for each in MEASURES] == [row[each]["value"] for each in MEASURES]
            assert (total["status"], total["lines"]) == (row["billed"]["status"], row["charges"])
            assert found["lines"] == row["charges"] == len(found["allocations"])
            assert {each["day"] for each in found["allocations"]} == {row["day"]}
