"""The name of a figure survives being printed, read, and carried in an address."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.selectors.references import BadReferenceError, FigureReference
from portal.shell.periods import Month

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
months = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
days = st.dates(dt.date(2000, 1, 1), dt.date(2100, 12, 31))
references = st.builds(
    lambda first, length, day, **rest: (
        FigureReference(**rest).on(day)
        if day
        else FigureReference(first=first, last=first + length if first else None, **rest)
    ),
    day=st.none() | days,
    first=st.none() | months,
    length=st.integers(0, 30),
    measure=st.sampled_from(["billed", "effective"]),
    use_case=st.sampled_from(["", "unallocated", "answer-drafts"]),
    service=texts,
    provider=texts,
    currency=st.sampled_from(["", "USD"]),
    basis=st.sampled_from(["", "invoiced"]),
    reason=st.sampled_from(["", "no_rule"]),
    category=st.sampled_from(["", "usual", "Usage", "Tax"]),
)


@given(references)
def test_a_printed_reference_reads_as_itself(reference: FigureReference) -> None:
    assert FigureReference.parse(str(reference)) == reference


@given(references)
def test_an_address_carries_the_same(reference: FigureReference) -> None:
    carried = dict(parse_qsl(reference.query, keep_blank_values=True))
    assert FigureReference.of(carried) == reference


def test_it_reads_as_people_write_it() -> None:
    text = "cost:use_case=faq,month=2026-05,service=Model Service%2C large,measure=effective"
    found = FigureReference.parse(text)
    assert (found.use_case, found.first, found.last) == ("faq", Month(2026, 5), Month(2026, 5))
    assert (found.service, found.measure) == ("Model Service, large", "effective")
    assert str(found) == text


def test_a_day_is_its_window_and_says_its_month_where_days_are_not_known() -> None:
    found = FigureReference.parse("cost:month=2026-05,day=2026-05-31,category=usual")
    assert str(found) == "cost:day=2026-05-31,category=usual,measure=billed"
    assert (found.start, found.end) == (dt.date(2026, 5, 31), dt.date(2026, 6, 1))
    assert (found.first, found.last) == (Month(2026, 5), Month(2026, 5))
    assert found.window_text == "31 May 2026"
    assert found.explorer_url == "/costs/?from=2026-05&to=2026-05"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("use_case=faq", "does not start with"),
        ("cost:use_case", "not key=value"),
        ("cost:usecase=faq", "unknown key 'usecase'"),
        ("cost:month=2026-13", "not a month"),
        ("cost:measure=paid", "expected billed or effective"),
        ("cost:service=a,service=b", "given twice"),
        ("cost:day=2026-05-32", "'2026-05-32' is not a day; expected YYYY-MM-DD"),
        ("cost:day=20260503", "is not a day"),
        ("cost:day=9999-12-31", "is not a day"),
        ("cost:month=2026-05,day=2026-06-01", "2026-06-01 does not lie in May 2026"),
        ("cost:from=2026-06,day=2026-05-31", "does not lie in from Jun 2026"),
        ("cost:category=fees", "category 'fees'; expected usual, Usage,"),
        ("cost:from=2026-05,to=2026-04", "ends (2026-04) before it starts (2026-05)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(BadReferenceError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        FigureReference.parse(text)
