"""Unallocated, unmapped, restatements and budgets as of a moment: what the pages said then."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.models import UseCase
from billing.models import Budget
from billing.selectors import past_costs, past_unallocated
from billing.selectors.moments import moment_key
from billing.services.budget_alerts import check_budgets
from portal.choices import Role
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all, make_rule
from tests.billing.watching import make_budget
from tests.imports import START, Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(days=3)
NAMELESS = {"SubAccountId": "", "SubAccountName": ""}  # a file has one header
LISTS = ("costs-unallocated", "costs-unmapped", "restatements", "budgets")


@pytest.fixture
def finance(client: Client) -> Iterator[Client]:
    """Somebody who asks days after all of it was recorded."""
    client.force_login(make_user(Role.FINANCE))
    with time_machine.travel(LATER, tick=False):
        yield client


@pytest.fixture
def case() -> UseCase:
    return make_use_case(title="Answer drafts")


@pytest.fixture
def budget(case: UseCase) -> Budget:
    return make_budget(case, 100, period="year")


@pytest.fixture
def moments(case: UseCase, budget: Budget) -> list[dt.datetime]:
    """Before the first bill, after it, after its revision, after a rule that takes more of it."""
    clock, cloud = Clock(), make_connection()
    give_all(case, at=clock())
    found = [clock()]
    for cost, other in (("60", "7"), ("130", "8")):
        rows = [
            line(3, cost, **NAMELESS),
            line(4, other, Tags='{"team": "core"}', SubAccountId="s1", SubAccountName="Search"),
            line(5, "2", Tags='{"team": "other"}', SubAccountId="s2", SubAccountName="Other"),
        ]
        run_import(cloud, rows, clock=clock)
        check_budgets(at=clock())
        found.append(clock())
    make_rule((case, 1_000_000), tag_key="team", value="core", at=clock())
    found.append(clock())
    return found


def address(name: str, at: dt.datetime | None = None, **query: Any) -> str:
    moment = {"as_of": moment_key(at)} if at else {}
    return f"{reverse(name)}?{urlencode(query | moment)}"


def exported(client: Client, name: str, at: dt.datetime | None, **query: Any) -> list[Any]:
    answer = client.get(address(name, at, **query, export="csv"))
    assert answer.status_code == 200, answer.content.decode()
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body)))


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content.decode()
    return str(answer.content.decode())


QUESTIONS = [
    ("costs-unallocated", {"month": "2026-05", "by": "service"}),
    ("costs-unallocated", {"month": "2026-05", "by": "tag"}),
    ("costs-unmapped", {"first": "2026-05", "last": "2026-05"}),
    ("restatements", {}),
    ("budgets", {}),
]


@pytest.mark.both_engines
@pytest.mark.parametrize(("name", "query"), QUESTIONS)
def test_a_file_that_was_kept_comes_back(name: str, query: dict[str, str], finance: Client) -> None:
    case, clock = make_use_case(title="Answer drafts"), Clock()
    cloud, kept = make_connection(), []
    make_budget(case, 100, period="year")
    give_all(case, at=clock())
    for cost in ("3", "50.000000001", "-1"):
        named = {"Tags": '{"team": "core"}', "SubAccountId": "s1", "SubAccountName": "Core"}
        rows = [line(3, cost, **NAMELESS), line(4, cost, **named)]
        run_import(cloud, rows, clock=clock)
        with time_machine.travel(clock.now, tick=False):
            kept.append((clock.now, exported(finance, name, clock.now, **query)))
            assert _without_next(exported(finance, name, None, **query)) == kept[-1][1]
    make_rule((case, 1_000_000), tag_key="team", value="core", at=clock())
    for at, then in kept:
        assert exported(finance, name, at, **query) == then
    assert len({str(then) for _, then in kept}) == 3


def _without_next(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Without what can be done now, and with the heading of what was to come."""
    now_only = ("Next", "Seems to be", "Likeness")
    return [
        {
            key.replace("Will end at", "Was to end at"): value
            for key, value in row.items()
            if key not in now_only
        }
        for row in rows
    ]


def test_the_lists_say_the_moment_and_offer_no_rule(
    finance: Client, moments: list[dt.datetime]
) -> None:
    for name in LISTS[:2]:
        assert "Make a rule for " in text_of(finance, address(name))
        then = text_of(finance, address(name, moments[1]))
        assert "As recorded at <strong>20 Nov 2026, 12:00 UTC</strong>" in then
        assert "Make a rule for " not in then
        assert f'href="{reverse(name)}">Back to now' in then
    assert "Seems to be" not in text_of(finance, address("costs-unmapped", moments[1]))


def test_links_carry_the_moment_on(
    finance: Client, moments: list[dt.datetime], budget: Budget
) -> None:
    at, key = moments[1], moment_key(moments[1])
    pages = [
        text_of(finance, address("costs-unallocated", at, month="2026-05", by="service")),
        text_of(finance, address("budgets", at)),
        text_of(finance, f"{reverse('budget', args=[budget.pk])}?as_of={key}"),
    ]
    for page in pages:
        found = re.findall(r'href="(/costs/(?:lineage/|budgets/\d+/)?\?[^"]+)"', page)
        links = [parse_qs(urlsplit(each.replace("&amp;", "&")).query) for each in found]
        assert links
        assert all(each["as_of"] == [key] for each in links)
    lineage = next(each for each in re.findall(r'href="(/costs/lineage/[^"]+)"', pages[0]))
    assert "As recorded at" in text_of(finance, lineage.replace("&amp;", "&"))


def test_a_month_is_the_newest_that_there_was(finance: Client, moments: list[dt.datetime]) -> None:
    assert "By sub-account, May 2026" in text_of(finance, address("costs-unallocated", moments[1]))
    long_ago = "2026-03-31T12:00Z"
    page = text_of(finance, f"{reverse('costs-unallocated')}?as_of={long_ago}")
    assert "At 31 Mar 2026, 12:00 UTC no cost line of Mar 2026 had been imported." in page


def test_a_moment_without_data_says_so(
    finance: Client, moments: list[dt.datetime], budget: Budget
) -> None:
    before = moments[0]
    may = {"month": "2026-05"}
    assert "Nothing was recorded then" in text_of(
        finance, address("costs-unallocated", before, **may)
    )
    months = {"first": "2026-05", "last": "2026-05"}
    assert "Nothing was recorded then" in text_of(
        finance, address("costs-unmapped", before, **months)
    )
    assert "Nothing had been restated then" in text_of(finance, address("restatements", moments[1]))
    old = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert "No budget then" in text_of(finance, address("budgets", old))
    page = text_of(finance, f"{reverse('budget', args=[budget.pk])}?as_of=2025-01-01")
    assert "It was made after 1 Jan 2025" in page


def test_what_was_mapped_then_is_said_in_the_past(finance: Client, case: UseCase) -> None:
    clock = Clock()
    give_all(case, at=clock())
    run_import(make_connection(), [line(3, "60")], clock=clock)
    page = text_of(finance, address("costs-unmapped", clock.now, first="2026-05", last="2026-05"))
    assert "a rule took every line of these months" in page
    page = text_of(finance, address("costs-unallocated", clock.now, month="2026-05"))
    assert "Nothing was unallocated by sub-account in May 2026" in page


@pytest.mark.parametrize(
    ("moment", "problem"), [("soon", "is no moment"), ("2026-12-24", "has not come yet")]
)
def test_a_moment_that_cannot_be_answered_is_refused_in_words(
    moment: str, problem: str, finance: Client, moments: list[dt.datetime], budget: Budget
) -> None:
    one = reverse("budget", args=[budget.pk])
    for url, status in (*((reverse(name), 400) for name in LISTS[:2]),
                        *((reverse(name), 200) for name in LISTS[2:]), (one, 400)):  # fmt: skip
        page = text_of(finance, f"{url}?as_of={moment}", status)
        assert problem in page
        assert ".00" not in page, url
    for name in LISTS:
        refused = finance.get(f"{reverse(name)}?as_of={moment}&export=csv")
        assert refused.status_code == 400
        assert problem in refused.content.decode()
    for name in LISTS[2:]:  # the form is not exchanged with the list
        part = finance.get(f"{reverse(name)}?as_of={moment}", headers={"HX-Request": "true"})
        assert problem in part.content.decode()


def test_too_much_is_refused_and_not_timed_out(
    finance: Client,
    moments: list[dt.datetime],
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (past_costs, past_unallocated):
        monkeypatch.setattr(module, "MOST_CHARGES_AS_OF", 2)
    at = moments[-1]
    one = f"{reverse('budget', args=[budget.pk])}?as_of={moment_key(at)}"
    lists = ("costs-unallocated", "costs-unmapped", "budgets")
    for url in (*(address(name, at) for name in lists), one):
        page = text_of(finance, url)
        assert "Not worked out as of that moment" in page
        assert "More than 2 charges" in page
    for name in lists:
        refused = finance.get(address(name, at, export="csv"))
        assert refused.status_code == 400
        assert "More than 2 charges" in refused.content.decode()
    wide = address("costs-unmapped", at, first="2025-05", last="2026-05")
    assert "at most 12 months" in text_of(finance, wide)


def test_every_row_has_its_status(finance: Client, moments: list[dt.datetime]) -> None:
    after = moments[-1]
    (row,) = exported(finance, "costs-unallocated", after, month="2026-05", by="sub_account")
    assert (row["Value"], row["Billed"], row["Billed (status)"]) == ("s2", "2", "provisional")
    assert row["Effective (status)"] == "provisional"
    unmapped = exported(finance, "costs-unmapped", after, first="2026-05", last="2026-05")
    assert {each["Billed (status)"] for each in unmapped} == {"provisional"}
    restated = exported(finance, "restatements", None)
    assert [each["Status"] for each in restated] == ["restated"] * 2
    (standing,) = exported(finance, "budgets", None)
    assert standing["Used (status)"] == "restated"
    (then,) = exported(finance, "budgets", moments[1])
    assert (then["Used"], then["Used (status)"]) == ("60", "provisional")


def test_a_budget_page_says_how_it_stood(
    finance: Client, moments: list[dt.datetime], budget: Budget
) -> None:
    url = reverse("budget", args=[budget.pk])
    first, second, last = (
        text_of(finance, f"{url}?as_of={moment_key(at)}") for at in moments[:1] + moments[1:3]
    )
    now = text_of(finance, url)
    assert "None by then." in first
    assert ("50 % used" in second, "All used" in second) == (True, False)
    assert "All used" in last
    assert "Where it stood" in second
    assert "Exceeded since 3 May 2026.</strong> More than the amount was used" in last
    for page, used in ((first, "0.00"), (second, "60.00"), (last, "130.00"), (now, "138.00")):
        assert f'title="{used.removesuffix(".00")} USD"' in page
    assert ("/edit/" in now, "/edit/" in last) == (True, False)


def test_lists_take_as_many_queries_however_much_there_is(
    finance: Client, case: UseCase, django_assert_max_num_queries: Any
) -> None:
    clock, cloud = Clock(), make_connection()
    give_all(case, at=clock())
    counts: dict[str, set[int]] = {name: set() for name in LISTS}
    for number in (2, 9):
        for cost in ("1", "2"):
            rows = [
                line(day, cost, Tags='{"team": "core"}', SubAccountId=f"s{day}")
                for day in range(1, number)
            ]
            run_import(cloud, rows, clock=clock)
        make_budget(make_use_case(title=f"Case {number}"), 10, period="year")
        make_budget(make_use_case(title=f"More {number}"), 10, period="year")
        for name in LISTS:
            for at in (None, clock.now):
                text_of(finance, address(name, at))  # what is kept is kept
                with django_assert_max_num_queries(60) as asked:
                    text_of(finance, address(name, at))
                counts[name].add(len(asked) if at else -len(asked))
    assert {name: len(found) for name, found in counts.items()} == dict.fromkeys(LISTS, 2), counts
