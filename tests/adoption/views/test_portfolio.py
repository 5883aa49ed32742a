"""What the portfolio shows, filters and exports."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from adoption.choices import Stage
from adoption.metrics.registry import NANO
from adoption.models import UseCase
from adoption.selectors.portfolio import PortfolioColumn, portfolio_columns
from portal.shell.figures import Figure
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import (
    FakeMetric,
    make_milestone,
    make_team,
    make_use_case,
)
from tests.adoption.views.reading import html_of

pytestmark = pytest.mark.django_db


def _rows(client: Client, url: str) -> list[dict[str, str]]:
    answer: Any = client.get(url)
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_an_empty_portfolio_says_what_to_do_next(as_lead: Client) -> None:
    page = html_of(as_lead, reverse("portfolio"))
    assert "No use case has been registered yet" in page
    assert reverse("use-case-new") in page


def test_the_portfolio_filters_groups_and_sorts_by_the_address(
    as_lead: Client, things: FakeMetric
) -> None:
    top = make_team("Finance")
    low = make_team("Payables", top)
    first = make_use_case(title="Alpha", team=low, value_type="risk")
    second = make_use_case(title="Beta", team=top, stop_rule="x")
    third = make_use_case(title="Gamma")
    UseCase.objects.filter(pk=third.pk).update(stage=Stage.STOPPED)
    make_milestone(second, due_on=dt.date(2026, 12, 1))

    def titles(query: str) -> list[str]:
        return [row["Use case"] for row in _rows(as_lead, f"/portfolio/?export=csv&{query}")]

    assert titles("sort=title") == ["Alpha", "Beta", "Gamma"]
    assert titles("sort=-title") == ["Gamma", "Beta", "Alpha"]
    assert titles("")[0] == "Beta"  # due first
    assert titles("sort=-stage")[0] == "Gamma"
    assert titles(f"team={top.slug}&sort=title") == ["Alpha", "Beta"]
    assert titles(f"programme={first.programme.slug}") == ["Alpha"]
    assert titles("stage=active&sort=title") == ["Alpha", "Beta"]
    assert titles("stage=ended") == ["Gamma"]
    assert titles("value_type=risk") == ["Alpha"]
    assert titles("q=bet") == ["Beta"]
    assert titles("group=stage&sort=-title") == ["Beta", "Alpha", "Gamma"]
    page = html_of(as_lead, "/portfolio/?group=team")
    assert page.count('class="group-row"') == 3
    assert html_of(as_lead, "/portfolio/?group=owner").count('class="group-row"') == 0


def test_the_export_names_every_fact_and_survives_a_formula_as_title(
    as_lead: Client, things: FakeMetric
) -> None:
    use_case = make_use_case(title="=1+1")
    make_milestone(use_case, title="Two things", due_on=dt.date(2026, 12, 1))
    [row] = _rows(as_lead, "/portfolio/?export=csv")
    assert row["Use case"] == "'=1+1"
    assert (row["Next milestone"], row["Next milestone due"]) == ("Two things", "2026-12-01")
    assert (row["Milestones"], row["Milestones reached"]) == ("1", "0")
    assert row["Next milestone measured"] == row["With evidence"] == ""


def test_a_column_of_another_room_is_shown_and_exported(as_lead: Client) -> None:
    known, _ = make_use_case(title="Known"), make_use_case(title="Unknown")

    def values(_ids: Any) -> dict[int, Figure]:
        figure = Figure.money("Cost", 5 * NANO, "USD", status=FigureStatus.FINAL, basis="Metered")
        return {known.pk: figure}

    column = PortfolioColumn("test.cost", "Cost to date", 10, values, missing="nothing allocated")
    portfolio_columns.register(column)
    try:
        page = html_of(as_lead, "/portfolio/?sort=title")
        rows = _rows(as_lead, "/portfolio/?export=csv&sort=title")
    finally:
        portfolio_columns._items.pop(column.key)
    assert "Cost to date" in page
    assert "nothing allocated" in page
    assert [row["Cost to date"] for row in rows] == ["5", ""]
    assert [row["Cost to date (unit)"] for row in rows] == ["USD", ""]
