"""Charts: well-formed, escaped, with a text alternative, honest about what is missing."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from django.template import engines
from hypothesis import given
from hypothesis import strategies as st

from portal.shell.charts import (
    BarListRow,
    Chart,
    Series,
    TimelineMark,
    bar_chart,
    bar_list,
    line_chart,
    milestone_timeline,
    progress_chart,
)
from portal.shell.charts.model import UnevenSeriesError
from portal.shell.charts.scale import label_steps, nice_scale
from portal.shell.statuses import Status, Tone

VALUES = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=9),
)
OPEN = Status("open", "Open", "", "ring", Tone.INFO)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("&nbsp;", " "))  # noqa: S314  (our own text)


def render(chart: Chart) -> str:
    return engines["django"].from_string("{% load shell %}{% chart c %}").render({"c": chart})


def rectangles(chart: Chart, css: str) -> list[ElementTree.Element]:
    return [each for each in parse(chart.svg).iter("rect") if css in each.get("class", "").split()]


@given(st.lists(VALUES, max_size=30), st.booleans(), st.booleans())
def test_any_values_make_a_well_formed_drawing_with_finite_positions(
    values: list[Decimal | int | None], stacked: bool, step: bool
) -> None:
    labels = [f"<{i}>" for i in range(len(values))]
    series = [Series("a & b", values), Series('"c"', values[::-1], reason="late")]
    charts = [
        bar_chart(title="T", description="D", labels=labels, series=series, stacked=stacked),
        line_chart(title="T", description="D", labels=labels, series=series, step=step),
    ]
    for chart in charts:
        assert parse(chart.svg).get("role") == "img"
        assert not re.search(r'"-?(nan|inf)', chart.svg)
        assert "style=" not in render(chart)
        assert len(chart.rows) == len(values)
        assert all(float(rect.get("height", "0")) >= 0 for rect in parse(chart.svg).iter("rect"))


@given(st.lists(st.integers(-(10**15), 10**15)))
def test_a_scale_holds_every_value_and_zero_between_round_ticks(values: list[int]) -> None:
    scale = nice_scale(values, height=200)
    for value in [0, *values]:
        assert scale.low <= value <= scale.high
        assert scale.top - 1e-6 <= scale.y(value) <= scale.top + 200 + 1e-6
    assert 2 <= len(scale.ticks) <= 8


def test_a_drawing_names_and_describes_itself() -> None:
    chart = bar_chart(title="Cost", description="By month.", labels=["Jan"], series=[])
    root = parse(chart.svg)
    ids = {each.get("id"): each.text for each in root if each.tag in {"title", "desc"}}
    assert [ids[key] for key in root.get("aria-labelledby", "").split()] == ["Cost", "By month."]


def test_stacks_grow_up_from_zero_and_hang_down_from_it() -> None:
    series = [Series("a", [4]), Series("b", [6]), Series("credit", [-5])]
    chart = bar_chart(title="T", description="D", labels=["Jan"], series=series, height=150)
    first, second, credit = rectangles(chart, "bar")
    assert float(first.get("y", "")) == pytest.approx(
        float(second.get("y", "")) + float(second.get("height", ""))
    )
    zero = float(first.get("y", "")) + float(first.get("height", ""))
    assert float(credit.get("y", "")) == pytest.approx(zero, abs=0.2)
    assert float(first.get("height", "")) / float(second.get("height", "")) == pytest.approx(
        4 / 6, abs=0.01
    )


def test_a_missing_value_is_a_gap_that_is_said_and_never_a_bar() -> None:
    series = [Series("Deployments", [3, None, 0], reasons={1: "the source was not connected"})]
    chart = bar_chart(title="T", description="D", labels=["Jan", "Feb", "Mar"], series=series)
    assert len(rectangles(chart, "gap-mark")) == 1
    assert len(rectangles(chart, "bar")) == 2
    assert chart.notes == ["No value for Feb: the source was not connected."]
    assert chart.rows[1] == ["Feb", "— (the source was not connected)"]
    assert chart.rows[2] == ["Mar", "0"]


def test_a_line_does_not_cross_a_missing_value() -> None:
    labels = ["a", "b", "c", "d"]
    chart = line_chart(
        title="T", description="D", labels=labels, series=[Series("x", [1, 2, None, 3])]
    )
    segments = [e for e in parse(chart.svg).iter("line") if "series" in e.get("class", "")]
    assert len(segments) == 1
    assert len(list(parse(chart.svg).iter("circle"))) == 3


def test_a_step_holds_its_value_over_the_whole_label() -> None:
    chart = line_chart(
        title="T", description="D", labels=["a", "b"], series=[Series("x", [1, 2])], step=True
    )
    segments = [e for e in parse(chart.svg).iter("line") if "series" in e.get("class", "")]
    assert [(s.get("x1"), s.get("x2")) for s in segments] == [
        ("0%", "50%"),
        ("50%", "50%"),
        ("50%", "100%"),
    ]


def test_labels_are_thinned_and_cut_but_whole_in_the_table() -> None:
    labels = [f"A month with a very long name {i}" for i in range(40)]
    chart = bar_chart(title="T", description="D", labels=labels, series=[Series("x", [1] * 40)])
    texts = [e.text or "" for e in parse(chart.svg).iter("text")]
    assert 2 <= len(texts) <= 6
    assert all(len(text) <= 18 for text in texts)
    assert [row[0] for row in chart.rows] == labels
    wide, narrow = label_steps(labels)
    assert narrow % wide == 0


def test_several_series_have_a_legend_and_one_needs_none() -> None:
    one, two = Series("a", [1]), Series("b", [2])
    single = bar_chart(title="T", description="D", labels=["x"], series=[one])
    double = bar_chart(title="T", description="D", labels=["x"], series=[one, two], stacked=False)
    assert list(single.legend) == []
    assert [(entry.colour, entry.label) for entry in double.legend] == [(1, "a"), (2, "b")]


def test_a_series_that_does_not_fit_the_labels_is_refused() -> None:
    with pytest.raises(UnevenSeriesError, match="1 values for 2 labels"):
        bar_chart(title="T", description="D", labels=["a", "b"], series=[Series("x", [1])])


def test_progress_says_verdict_target_and_reason() -> None:
    html = render(progress_chart(title="P", value=18, target=25, target_words="At least",
                                 baseline=4, reached=False))  # fmt: skip
    assert "Measured 18; at least 25: not reached." in html
    assert "Baseline" in html
    unknown = progress_chart(title="P", value=None, target=5, reason="no deployment yet")
    assert "no deployment yet" in unknown.svg
    assert "cannot be said yet" in render(unknown)
    assert not rectangles(unknown, "f1")


@given(st.none() | st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_progress_stays_within_its_track(value: int | None, target: int) -> None:
    chart = progress_chart(title="P", value=value, target=target, reason="none")
    for rect in rectangles(chart, "f1"):
        start = float(rect.get("x", "").rstrip("%"))
        width = float(rect.get("width", "").rstrip("%"))
        assert start >= 0
        assert 0 <= width <= 100.01 - start


def test_a_timeline_numbers_its_marks_and_says_all_of_it_in_words() -> None:
    marks = [
        TimelineMark("Second & last", dt.date(2026, 5, 2), OPEN, "3 of 25", url="/m/2/"),
        TimelineMark("First", dt.date(2026, 5, 1), OPEN, "1 of 1", dt.date(2026, 4, 30)),
    ]
    chart = milestone_timeline(title="T", description="D", marks=marks, today=dt.date(2026, 6, 1))
    html = render(chart)
    assert html.index("First") < html.index("Second &amp; last")
    assert "due 1 May 2026, reached 30 Apr 2026" in html
    assert 'href="/m/2/"' in html
    circles = list(parse(chart.svg).iter("circle"))
    assert circles[0].get("cy") != circles[1].get("cy")  # a day apart: set above each other
    assert "today" in [e.text for e in parse(chart.svg).iter("text")]


def test_a_timeline_without_marks_says_so() -> None:
    chart = milestone_timeline(title="T", description="D", marks=[], today=dt.date(2026, 6, 1))
    assert "No milestone has been set yet." in render(chart)


def test_a_bar_list_shows_negative_missing_and_long_rows() -> None:
    rows = [
        BarListRow("<long>" * 20, Decimal("10.5"), url="/s/"),
        BarListRow("Refund", -2),
        BarListRow("Storage", None, reason="not allocated"),
    ]
    html = bar_list(title="By <service>", rows=rows, value_heading="Cost")
    assert "<long>" not in html
    assert "By &lt;service&gt;" in html
    assert "−2" in html
    assert "not allocated" in html
    assert html.count("<rect") == 2
