"""Tables: order, pages, missing values, export, and what a page of rows costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import django_tables2
import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from portal.models import User
from portal.shell import paging
from portal.shell.columns import (
    HtmlColumn,
    MomentColumn,
    MoneyColumn,
    MonthColumn,
    NumberColumn,
    ShellColumn,
)
from portal.shell.paging import PageOfRecords, read_page
from portal.shell.tables import ShellTable
from tests.portal.shell.gallery.pages import RECORDS, GalleryTable, PeopleTable

pytestmark = pytest.mark.usefixtures("gallery")
People = Callable[[int], list[User]]


def people(query: str = "") -> PeopleTable:
    return PeopleTable(User.objects.all(), query=QueryDict(query), path="/people/")


def names(table: ShellTable, key: str = "username") -> list[Any]:
    return [record[key] for record in table.page_of_records.records]


def test_a_page_of_rows_costs_one_count_and_one_query_of_the_shown_columns(
    make_people: People,
) -> None:
    make_people(60)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        html = people("page=2").body_html
    assert len(queries) == 2
    assert html.count("<tr>") == 25
    assert "password" not in queries[1]["sql"]


def test_pages_share_no_row_and_miss_none_even_when_sorted_by_equal_values(
    make_people: People,
) -> None:
    make_people(60)
    seen = [name for page in (1, 2, 3) for name in names(people(f"sort=full_name&page={page}"))]
    assert sorted(seen) == [f"p{i:03}" for i in range(60)]


@pytest.mark.both_engines
@pytest.mark.parametrize("sort", ["last_login", "-last_login"])
def test_missing_values_come_last_in_either_direction_on_both_databases(
    make_people: People, sort: str
) -> None:
    first, second, _never = make_people(3)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    User.objects.filter(pk=first.pk).update(last_login=moment)
    User.objects.filter(pk=second.pk).update(last_login=moment + dt.timedelta(days=1))
    found = names(people(f"sort={sort}"))
    assert found == (["p001", "p000", "p002"] if sort[0] == "-" else ["p000", "p001", "p002"])


@pytest.mark.parametrize("sort", ["", "sort=no-such", "sort=password", "sort=username__in"])
def test_an_unknown_sort_falls_back_to_the_default(make_people: People, sort: str) -> None:
    make_people(3)
    assert names(people(sort)) == ["p000", "p001", "p002"]


@pytest.mark.parametrize("asked", ["0", "-1", "x", "", "99999999999999999999", "٣"])
def test_a_page_that_does_not_exist_becomes_the_nearest_one(
    make_people: People, asked: str
) -> None:
    make_people(30)
    assert people(f"page={asked}").page_of_records.number in {1, 2}


def test_counting_stops_at_the_bound_and_the_last_page_is_read_from_the_other_end(
    make_people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNT_BOUND", 50)
    make_people(120)
    first = people()
    assert first.page_of_records.count_text == "50+"
    assert [link.label for link in first.pager] == ["1", "2", "…", "Last"]
    last = people("page=last")
    assert names(last) == [f"p{i:03}" for i in range(95, 120)]
    assert last.page_of_records.range_text == "the last 25 of 50+"
    assert people("page=99").page_of_records.number == 2


@pytest.mark.both_engines
@pytest.mark.parametrize("sort", ["last_login", "-last_login", "-full_name"])
def test_the_last_page_is_the_end_of_the_whole_list_in_every_order(
    make_people: People, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    made = make_people(90)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for person in made[:70:2]:
        person.last_login = moment + dt.timedelta(hours=(person.pk or 0) * 7 % 13)
    User.objects.bulk_update(made, ["last_login"])
    whole = [row[0] for row in people(f"sort={sort}").export_rows()]
    monkeypatch.setattr(paging, "COUNT_BOUND", 50)
    assert names(people(f"sort={sort}&page=last")) == whole[-25:]


def test_a_page_says_which_rows_it_shows() -> None:
    page = read_page(RECORDS, "2", 25)
    assert page.range_text == "26–50 of 120"
    assert page.numbers == [1, 2, 3, 0, 5]
    assert page.has_next
    assert PageOfRecords([], 1, 25, 0, False).range_text == "0"


def test_plain_records_are_sorted_and_paged_the_same_way() -> None:
    table = GalleryTable(RECORDS, query=QueryDict("sort=-count&page=last"), path="/")
    assert [record["count"] for record in table.page_of_records.records][-20:] == [None] * 20
    assert (
        GalleryTable(RECORDS, query=QueryDict("sort=-count")).page_of_records.records[0]["count"]
        == 119 * 137
    )


def test_headings_say_how_the_table_is_sorted_and_link_to_the_other_way() -> None:
    table = GalleryTable(RECORDS, query=QueryDict("sort=count&page=3&q=x&export=csv"), path="/l/")
    by_key = {heading.key: heading for heading in table.headings}
    assert by_key["count"].aria_sort == "ascending"
    assert by_key["count"].url == "/l/?q=x&sort=-count"
    assert by_key["title"].aria_sort == ""
    assert by_key["per_delivery"].url == ""
    assert table.export_url == "/l/?sort=count&q=x&export=csv"


def test_a_short_table_inside_a_page_keeps_its_order_and_cannot_be_sorted() -> None:
    table = GalleryTable.of(RECORDS[:3][::-1])
    assert names(table, "key") == ["case-3", "case-2", "case-1"]
    assert not any(heading.url for heading in table.headings)
    assert table.pager == []


def test_two_tables_of_a_page_are_kept_apart_by_their_prefix() -> None:
    query = QueryDict("a-sort=-count&a-page=2&sort=title")
    table = GalleryTable(RECORDS, query=query, path="/", prefix="a-")
    assert (table.sort_key, table.is_descending, table.page_of_records.number) == ("count", True, 2)
    assert "a-page=2" not in table.headings[0].url


def test_missing_values_are_a_dash_with_their_reason() -> None:
    html = GalleryTable.of([RECORDS[11]]).body_html  # the twelfth has neither count nor cost
    assert "not counted yet" in html
    assert html.count("no charge is allocated") == 2
    assert ">0<" not in html


def test_a_month_is_named_on_the_page_and_a_month_in_the_file() -> None:
    class Months(ShellTable):
        caption = "Months"
        month = MonthColumn("Month")

    table = Months.of([{"month": dt.date(2026, 5, 1)}, {"month": None}])
    assert "May 2026" in table.body_html
    assert list(table.export_rows()) == [["2026-05"], [None]]


def test_a_foot_stands_below_every_page_and_last_in_the_export() -> None:
    class Costs(ShellTable):
        caption = "Costs"
        name = ShellColumn("Name", row_header=True)
        count = NumberColumn("Count")

    rows = [{"name": f"n{number:02}", "count": number} for number in range(30)]
    foot = [{"name": "Total", "count": 435}]
    for query in ("", "page=2", "sort=-count", "sort=name"):
        table = Costs(rows, query=QueryDict(query), path="/costs/", foot=foot)
        assert table.foot_html == '<tr><th scope="row">Total</th><td class="n">435</td></tr>'
        assert table.page_of_records.count_text == "30"
        assert "Total" not in table.body_html
        assert list(table.export_rows())[-1] == ["Total", 435]
        assert len(list(table.export_rows())) == 31
    assert Costs.of(rows).foot_html == ""


def test_cells_escape_what_they_show() -> None:
    class Hostile(ShellTable):
        text = ShellColumn("Text", url=lambda record: '/"onclick="x', sub="more", fields=("more",))
        moment = MomentColumn("When")
        number = NumberColumn("Number")
        html = HtmlColumn("Html", html=lambda r: r["text"], text=lambda r: "t", fields=("text",))

    record = {"text": "<script>", "more": "<b>", "moment": None, "number": None}
    html = Hostile.of([record]).body_html
    assert "<script>" not in html
    assert "<b>" not in html
    assert '"onclick="x' not in html


def test_the_first_cell_names_its_row_and_numbers_are_set_right() -> None:
    html = GalleryTable.of(RECORDS[:1]).body_html
    assert html.startswith('<tr><th scope="row" class="name"><a href="/gallery/list/case-1/">')
    assert '<td class="n">137</td>' in html


def test_a_long_text_keeps_a_width_in_which_it_reads_well() -> None:
    class Told(ShellTable):
        why = ShellColumn("Why")

    long, short = "The source revised these days. " * 2, "Revised."
    assert f'<td class="text">{long}</td>' in Told.of([{"why": long}]).body_html
    assert f"<td>{short}</td>" in Told.of([{"why": short}]).body_html


def test_the_export_has_every_row_in_the_order_shown_with_exact_numbers() -> None:
    table = GalleryTable(RECORDS, query=QueryDict("sort=-cost"), path="/")
    rows = list(table.export_rows())
    assert len(rows) == len(RECORDS)
    assert len(rows[0]) == len(table.export_headings())
    assert table.export_headings()[4:6] == ["Cost", "Cost (currency)"]
    assert str(rows[0][4]) == "146.913578910"
    assert rows[-1][4:6] == [None, None]


def test_an_export_of_a_queryset_is_not_limited_to_the_page(make_people: People) -> None:
    make_people(60)
    assert len(list(people("page=2").export_rows())) == 60


def test_a_column_of_another_kind_is_refused() -> None:
    class Foreign(ShellTable):
        name = django_tables2.Column()

    with pytest.raises(TypeError, match=r"Foreign\.name is not a ShellColumn"):
        Foreign.of([])


def test_money_asks_for_its_currency() -> None:
    class Costs(ShellTable):
        cost = MoneyColumn("Cost", accessor="cost_nano", currency_key="iso")

    table = Costs.of([{"cost_nano": 4_200_000, "iso": "EUR"}])
    assert "0.0042" in table.body_html
    assert 'title="0.0042 EUR"' in table.body_html
