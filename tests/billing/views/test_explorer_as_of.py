"""The explorer as of a moment: what it said then, from the lines of then, and never today's."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import openpyxl
import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing.selectors import past_costs
from billing.selectors.moments import moment_key
from portal.choices import Role
from tests.adoption.factories import make_team, make_use_case, make_user
from tests.billing.factories import give_all, make_draft, make_rule, replace_rule, retire_rule
from tests.imports import Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
MAY = {"from": "2026-05", "to": "2026-05"}
LATER = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def later() -> Any:
    """Everything is asked long after it was recorded."""
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_user(Role.FINANCE))
    return client


@pytest.fixture
def moments() -> list[dt.datetime]:
    """A bill, the same revised, a rule changed, a service withdrawn: the moments between."""
    clock = Clock()
    one = make_use_case(title="Answer drafts", team=make_team("Search"))
    other = make_use_case(title="Triage")
    rule = make_rule((one, 600_000), (other, 300_000), at=clock())
    cloud = make_connection()
    rows = [
        line(3, "10", ResourceId="a"),
        line(4, "20.000000007", ResourceId="b", ServiceName="Search"),
        line(5, "1", ResourceId="c", Tags="{}"),
        line(4, "0", ResourceId="d", ServiceName="Storage"),  # its day is in every file
    ]
    run_import(cloud, rows, clock=clock)
    found = [clock.now]
    run_import(cloud, [rows[0] | {"BilledCost": "11"}, *rows[1:]], clock=clock)
    found.append(clock.now)
    actor = rule.created_by
    changed = replace_rule(
        rule_id=rule.pk, draft=make_draft((other, 1_000_000)), reason="", actor=actor, at=clock()
    )
    found.append(clock())
    retire_rule(rule_id=changed.pk, reason="Over.", actor=actor, at=clock())
    run_import(cloud, [rows[0] | {"BilledCost": "12"}, *rows[2:]], clock=clock)
    found.append(clock())
    return found


def asked(client: Client, at: dt.datetime | None, **query: str) -> list[dict[str, str]]:
    """The rows of a file, as of a moment."""
    wanted = MAY | query | {"export": "csv"} | ({"as_of": moment_key(at)} if at else {})
    response = client.get(f"{reverse('costs')}?{urlencode(wanted)}")
    assert response.status_code == 200, response.content.decode()
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body)))


GROUPS = ("month", "service", "provider", "use_case", "team", "model", "cost_center", "connection")


@pytest.mark.both_engines
def test_every_table_is_what_it_was(finance: Client, moments: list[dt.datetime]) -> None:
    """As of the newest moment it is what the roll-up says; that is one test of the other way."""
    pivot = {"group": "service", "across": "use_case"}
    for query in [*({"group": group} for group in GROUPS), pivot]:
        newest = asked(finance, moments[-1], **query)
        assert newest, query
        assert newest == asked(finance, None, **query), query
        assert all(asked(finance, each, **query) != newest for each in moments[:-1]), query


@pytest.mark.both_engines
def test_an_answer_that_was_kept_comes_back(finance: Client) -> None:
    """Written down when it was given, asked for again after all of it was revised."""
    case, clock = make_use_case(title="Answer drafts"), Clock()
    give_all(case, at=clock.now)
    cloud = make_connection()
    kept = []
    for cost in ("3", "5.000000001", "-1"):
        run_import(cloud, [line(3, cost), line(9, "2", ServiceName="Search")], clock=clock)
        with time_machine.travel(clock.now, tick=False):
            kept.append((clock.now, asked(finance, None, group="service")))
    for at, then in kept:
        assert asked(finance, at, group="service") == then
    assert len({str(then) for _, then in kept}) == 3


def page(client: Client, **query: str) -> str:
    response = client.get(f"{reverse('costs')}?{urlencode(query)}")
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_page_says_the_moment_and_carries_it_on(
    finance: Client, moments: list[dt.datetime]
) -> None:
    shown = page(finance, **MAY, as_of=moment_key(moments[0]), group="service")
    assert "As recorded at <strong>" in shown
    assert "31.00" in shown  # 10 + 20 + 1
    assert "34" not in re.findall(r"(\d+)\.\d\d", shown)
    links = re.findall(r'href="(/costs/(?:lineage/)?\?[^"]+)"', shown)
    carried = [parse_qs(urlsplit(link.replace("&amp;", "&")).query) for link in links]
    without = [each for each in carried if each.get("as_of") != [moment_key(moments[0])]]
    back = {"from": ["2026-05"], "to": ["2026-05"], "group": ["service"]}
    assert len(carried) > 10
    assert all(each.items() <= back.items() for each in without), without
    assert 'name="as_of"' in shown


def test_the_lineage_of_a_cell_shows_the_same_amount(
    finance: Client, moments: list[dt.datetime]
) -> None:
    query = MAY | {"as_of": moment_key(moments[0]), "group": "service", "across": "use_case"}
    shown = page(finance, **query)
    (address,) = {
        found.replace("&amp;", "&")
        for found in re.findall(r'href="(/costs/lineage/\?[^"]+)"', shown)
        if "use_case=triage" in found and "service=Search" in found
    }
    lineage = finance.get(address).content.decode()
    assert "6.00" in lineage.partition("As recorded at ")[2]  # 30 % of 20


def test_a_workbook_is_of_the_moment_too(finance: Client, moments: list[dt.datetime]) -> None:
    query = MAY | {"as_of": moment_key(moments[0]), "export": "xlsx"}
    body = finance.get(f"{reverse('costs')}?{urlencode(query)}").content
    cells = list(openpyxl.load_workbook(io.BytesIO(body)).active.values)
    assert any("31.000000007" in map(str, row) for row in cells), cells


def test_a_moment_alone_asks_for_the_months_before_it(
    finance: Client, moments: list[dt.datetime]
) -> None:
    response = finance.get(f"{reverse('costs')}?as_of=2026-11-30&group=service")
    assert response.status_code == 302
    assert parse_qs(urlsplit(response["Location"]).query) == {
        "as_of": ["2026-11-30"],
        "group": ["service"],
        "from": ["2025-12"],
        "to": ["2026-05"],
    }


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (MAY | {"as_of": "soon"}, "expected 2026-11-20 or"),
        (MAY | {"as_of": "2026-12-02"}, "has not come yet"),
        ({"from": "2025-05", "to": "2026-05", "as_of": "2026-11-30"}, "at most 12 months"),
        ({"from": "2026-05", "as_of": "2026-11-30"}, "at most 12 months"),
    ],
)
def test_what_is_not_worked_out_is_said_and_shows_no_money(
    query: dict[str, str], problem: str, finance: Client, moments: list[dt.datetime]
) -> None:
    shown = page(finance, **query)
    assert problem in shown
    assert ".00" not in shown
    part = finance.get(f"{reverse('costs')}?{urlencode(query)}", headers={"HX-Request": "true"})
    assert problem in part.content.decode()
    for kind in ("csv", "xlsx"):
        refused = finance.get(f"{reverse('costs')}?{urlencode(query | {'export': kind})}")
        assert refused.status_code == 400
        assert problem in refused.content.decode()


def test_too_many_lines_are_refused_and_not_timed_out(
    finance: Client, moments: list[dt.datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_costs, "MOST_CHARGES_AS_OF", 2)
    query = MAY | {"as_of": "2026-11-30"}
    shown = page(finance, **query)
    assert "More than 2 charges lie in this window" in shown
    assert ".00" not in shown
    refused = finance.get(f"{reverse('costs')}?{urlencode(query | {'export': 'csv'})}")
    assert refused.status_code == 400
    assert "More than 2 charges" in refused.content.decode()


def test_what_has_gone_since_can_still_be_asked_for(
    finance: Client, moments: list[dt.datetime]
) -> None:
    assert asked(finance, moments[0], service="Search")[0]["Billed"] == "20.000000007"
    assert "is not one of the available choices" in page(finance, **MAY, service="Search")
