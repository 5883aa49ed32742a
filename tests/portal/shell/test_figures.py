"""A figure carries what a reader needs, or it cannot be made."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.template import engines

from portal.shell.figures import Figure, FigureKind, IncompleteFigureError, share_of
from portal.shell.statuses import FigureStatus

FINAL = FigureStatus.FINAL


def render(figure: Figure, size: str = "") -> str:
    template = engines["django"].from_string("{% load shell %}{% figure fig size %}")
    return template.render({"fig": figure, "size": size})


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"value": None}, "needs a reason"),
        ({"value": 1, "status": FINAL, "reason": "none"}, "a value and a reason"),
        ({"value": 1}, "needs a status"),
        ({"value": 1, "status": FINAL, "kind": FigureKind.MONEY}, "currency code"),
        ({"value": 1, "status": FINAL, "as_of": dt.datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_an_incomplete_figure_is_refused(facts: dict[str, object], says: str) -> None:
    with pytest.raises(IncompleteFigureError, match=says):
        Figure(label="Cost", **facts)  # type: ignore[arg-type]


def test_a_missing_figure_shows_its_reason_and_no_zero() -> None:
    html = render(Figure.missing("Cost per delivery", "no delivery has been held"))
    assert "no delivery has been held" in html
    assert "0" not in html


def test_money_shows_status_basis_freshness_and_links() -> None:
    figure = Figure.money(
        "Effective cost",
        1_234_567_890_123,
        "USD",
        status=FigureStatus.RESTATED,
        basis="Metered",
        as_of=dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC),
        definition_url="/metrics/cost/",
        lineage_url="/explain/7/",
    )
    html = render(figure)
    for part in (
        "1,234.57",
        "1234.567890123 USD",
        "Restated",
        "Metered",
        "as of 20 Nov 2026",
        'href="/metrics/cost/"',
        'href="/explain/7/"',
    ):
        assert part in html
    assert "Restated" in render(figure, "inline")
    assert "figure-large" in render(figure, "large")


def test_text_of_a_figure_is_escaped() -> None:
    figure = Figure(label="<b>", value=1, status=FINAL, note="<i>", unit="<u>")
    assert not {"<b>", "<i>", "<u>"} & set(render(figure).split())
    assert "&lt;b&gt;" in render(figure)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (18, FigureKind.NUMBER, "18"),
        (Decimal("2.345"), FigureKind.NUMBER, "2.34"),
        (Decimal("0.9961"), FigureKind.SHARE, "99.6\xa0%"),
    ],
)
def test_decimals_follow_the_kind(value: Decimal, kind: FigureKind, text: str) -> None:
    assert Figure(label="x", value=value, kind=kind, status=FINAL).text == text


def test_a_share_of_nothing_is_not_known() -> None:
    assert share_of(1, 0) is None
    assert share_of(1, 4) == Decimal("0.25")
