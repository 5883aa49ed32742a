"""From a figure down to file and line: the lines add up to the figure, page by page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.choices import MatchField
from billing.models import Charge
from billing.selectors.charges import history_of_charge
from billing.selectors.lineage import (
    Position,
    figure_sums,
    lines_of,
    origins_of,
    stream_lines,
)
from billing.selectors.references import BadReferenceError, FigureReference, Scope, scope_of
from billing.selectors.unallocated import unallocated_candidates
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all, make_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.UTC)


def references() -> list[FigureReference]:
    may = Month(2026, 5)
    return [
        FigureReference(),
        FigureReference(use_case="unallocated"),
        FigureReference(use_case="unallocated", reason="remainder"),
        FigureReference(first=may, last=may, service="Service 1"),
        FigureReference(provider="Cloud", currency="USD", basis="invoiced"),
        FigureReference(first=may + 1),
        FigureReference(last=may),
        FigureReference(provider="Cloud").on(dt.date(2026, 5, 7)),
        FigureReference(last=may, category="usual"),
        FigureReference(use_case="unallocated", category="Usage").on(dt.date(2026, 5, 8)),
    ]


@pytest.mark.both_engines
def test_the_lines_of_every_figure_sum_to_it() -> None:
    case = make_use_case(title="Drafts")
    make_rule((case, 333_333))
    rows = [
        line(
            day,
            f"{day}.123456789",
            ServiceName=f"Service {day % 3}",
            Tags='{"use_case": "triage"}' if day % 2 else "{}",
        )
        for day in range(1, 29)
    ]
    run_import(make_connection(), rows)
    for reference in [*references(), FigureReference(use_case=case.slug)]:
        scope = scope_of(reference, None)
        sums = figure_sums(scope, now=NOW)
        lines = list(stream_lines(scope))
        told = sum(each.billed_nano for each in sums)
        assert sum(found["billed_nano"] for found in lines) == told, str(reference)
        assert len(lines) == sum(each.lines for each in sums), str(reference)
        assert sum(each.billed_nano for each in origins_of(scope, now=NOW)) == told
        assert sum(each.lines for each in origins_of(scope, now=NOW)) == len(lines)


@sweep_both_engines
def test_pages_of_lines_meet_without_gap_or_overlap() -> None:
    rows = [line(1 + number // 4, "1", ResourceId=f"r{number}") for number in range(23)]
    run_import(make_connection(), rows)
    scope, after, seen = Scope(FigureReference()), None, []
    sizes: list[int] = []
    while after is not None or not sizes:
        page = lines_of(scope, after=after, limit=5)
        seen += [found["pk"] for found in page.lines]
        sizes.append(len(page.lines))
        after = page.following
    assert sizes == [5, 5, 5, 5, 3]
    assert seen == [found["pk"] for found in stream_lines(scope)]
    assert len(set(seen)) == 23


@pytest.mark.parametrize("text", ["", "5", "2026-05-01", "x.1", "2026-05-01.x"])
def test_a_position_that_cannot_be_read_is_none(text: str) -> None:
    assert Position.parse(text) is None
    assert Position.parse(str(Position(dt.date(2026, 5, 1), 7))) == Position(dt.date(2026, 5, 1), 7)


def test_a_use_case_that_is_not_there_is_said() -> None:
    with pytest.raises(BadReferenceError, match="no use case 'nowhere'"):
        scope_of(FigureReference(use_case="nowhere"), None)


@sweep_both_engines
def test_a_line_keeps_its_versions() -> None:
    cloud, clock = make_connection(), Clock()
    for cost in ("1", "2", "3"):
        run_import(cloud, [line(3, cost), line(3, "9", ResourceId="other")], clock=clock)
    newest = Charge.objects.get(billed_nano=3 * 10**9)
    history = history_of_charge(newest)
    assert [each.billed_nano // 10**9 for each in history] == [3, 2, 1]
    assert [each.superseded_at is None for each in history] == [True, False, False]


# --- the work list --------------------------------------------------------------------------


def test_unallocated_money_is_listed_by_what_a_rule_could_take(
    django_assert_num_queries: Any,
) -> None:
    give_all(make_use_case(), value="taken")
    run_import(
        make_connection(),
        [
            line(3, "5", Tags='{"use_case": "triage", "team": "core"}', SubAccountId="s1"),
            line(4, "-7", Tags='{"team": "core"}', SubAccountId="s2", ChargeCategory="Credit"),
            line(5, "99", Tags='{"use_case": "taken"}', SubAccountId="s1"),
            line(6, "1", Tags="{}", SubAccountId=""),
        ],
    )
    may: Any = {"first": Month(2026, 5), "last": Month(2026, 5), "now": START}
    with django_assert_num_queries(7):
        by_tag, is_cut = unallocated_candidates(fields=[MatchField.TAG], **may)
    assert not is_cut
    assert [(each.tag_key, each.value, each.sum.billed_nano // 10**9) for each in by_tag] == [
        ("use_case", "triage", 5),
        ("team", "core", -2),
    ]
    by_account, _ = unallocated_candidates(fields=[MatchField.SUB_ACCOUNT], **may)
    assert [(each.value, each.sum.billed_nano // 10**9) for each in by_account] == [
        ("s2", -7),
        ("s1", 5),
    ]
    april: Any = may | {"first": Month(2026, 4), "last": Month(2026, 4)}
    assert unallocated_candidates(fields=[MatchField.TAG], **april) == ([], False)
    assert unallocated_candidates(fields=[MatchField.TAG], **may, limit=1)[1]
