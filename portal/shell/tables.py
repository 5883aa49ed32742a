"""List tables: declared with django-tables2's columns, sorted and paged by the URL, cheap to show.

A page of rows costs one bounded count, one query of the columns that are shown, and one pass of
string building; there is no object and no template per cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, Self

import django_tables2 as tables
from django.db.models import F, OrderBy, QuerySet
from django.http import QueryDict
from django.utils.safestring import SafeString, mark_safe

from portal.shell.columns import ExportValue, Record, ShellColumn
from portal.shell.paging import LAST, PageOfRecords, Source, read_page

PAGE_SIZE = 25
EXPORT_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Heading:
    """A column heading as shown: `url` is empty when it cannot be sorted by."""

    key: str
    label: str
    css: str
    help_text: str
    url: str
    aria_sort: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """An entry of the pager; no `url` for a gap and for the page itself."""

    label: str
    url: str
    is_current: bool = False


class ShellTable(tables.Table):  # type: ignore[misc]  # django-tables2 ships no types
    """Base of every list table.

    Class attributes:
        default_sort: column name, `-` first for descending.
        unique_key: appended to every order, so that pages never overlap.
        caption: what the table lists, for screen readers.
        page_size: rows a page.
        count_by: column that counting reads; see `bounded_count`.
        is_dense: many narrow columns that are read together stand closer.

    Args:
        foot: rows such as a total: below every page, last in an export, never sorted or counted.
    """

    default_sort: ClassVar[str] = ""
    unique_key: ClassVar[tuple[str, ...]] = ("pk",)
    caption: str = ""
    page_size: ClassVar[int] = PAGE_SIZE
    count_by: ClassVar[str] = "pk"
    is_dense: ClassVar[bool] = False

    def __init__(
        self,
        source: Source,
        *,
        query: QueryDict | None = None,
        path: str = "",
        target: str = "results",
        prefix: str = "",
        extra_columns: Sequence[tuple[str, ShellColumn]] = (),
        foot: Sequence[Record] = (),
    ) -> None:
        super().__init__(
            data=[],
            orderable=query is not None,
            prefix=prefix,
            extra_columns=list(extra_columns) or None,
        )
        self.query = query
        self.path = path
        self.target = target
        self.foot = foot
        self.shown: list[tuple[str, str, ShellColumn]] = []
        for bound in self.columns:
            column = bound.column
            if not isinstance(column, ShellColumn):
                raise TypeError(f"{type(self).__name__}.{bound.name} is not a ShellColumn")
            column.bind(bound.name)
            self.shown.append((bound.name, str(bound.header), column))
        self.sort_key, self.is_descending = self._read_sort()
        self.ordered = self._order(source)
        self.page_of_records = self._read(self.ordered)

    @classmethod
    def of(cls, records: Sequence[Record], *, caption: str = "") -> Self:
        """A short table inside a page: all its rows, in the given order, no sorting, no pages.

        Args:
            caption: instead of the class's own, where a page has several of these tables.
        """
        table = cls(records)
        if caption:
            table.caption = caption
        return table

    def _read(self, source: Source) -> PageOfRecords:
        if self.query is None:
            rows = self.enrich(list(source))
            return PageOfRecords(rows, 1, max(1, len(rows)), len(rows), False)
        asked = self.query.get(f"{self.prefix}page", "1")
        page = read_page(source, asked, self.page_size, count_by=self.count_by)
        return replace(page, records=self.enrich(page.records))

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        """Add keys that no query of the rows can give; a subclass may. Called once a page.

        An export calls it once for every `EXPORT_CHUNK` rows.
        """
        return records

    # --- order --------------------------------------------------------------------------------

    def _column(self, name: str) -> ShellColumn | None:
        for key, _label, column in self.shown:
            if key == name and column.orderable:
                return column
        return None

    def _read_sort(self) -> tuple[str, bool]:
        asked = self.query.get(f"{self.prefix}sort", "") if self.query is not None else ""
        for text in (asked, self.default_sort):
            if self._column(text.removeprefix("-")) is not None:
                return text.removeprefix("-"), text.startswith("-")
        return "", False

    def _order(self, source: Source) -> Source:
        column = self._column(self.sort_key)
        if isinstance(source, QuerySet):
            return self._order_queryset(source, column)
        if column is None or self.query is None:
            return source
        return _sorted_records(source, column.sort_keys, self.is_descending)

    def _order_queryset(self, source: QuerySet[Any, Any], column: ShellColumn | None) -> Source:
        if self.query is not None or not source.ordered:
            keys = column.sort_keys if column is not None else ()
            terms = [self._term(key, column) for key in keys]
            source = source.order_by(*terms, *self.unique_key)
        needed: set[str] = set().union(*(each.needed() for _, _, each in self.shown))
        return source.values(*sorted(needed))

    def _term(self, key: str, column: ShellColumn | None) -> str | OrderBy:
        if column is not None and column.nullable:
            # Said aloud, because the two engines disagree about where nulls go by themselves.
            term = F(key)
            return term.desc(nulls_last=True) if self.is_descending else term.asc(nulls_last=True)
        return f"-{key}" if self.is_descending else key

    # --- what the template shows --------------------------------------------------------------

    def _url(self, **changes: str) -> str:
        query = self.query.copy() if self.query is not None else QueryDict(mutable=True)
        query.pop("export", None)
        for name, value in changes.items():
            query.pop(f"{self.prefix}{name}", None)
            if value:
                query[f"{self.prefix}{name}"] = value
        text = query.urlencode()
        return f"{self.path}?{text}" if text else self.path or "?"

    @property
    def headings(self) -> list[Heading]:
        """The header row."""
        found = []
        for name, label, column in self.shown:
            is_sorted = name == self.sort_key
            url, state = "", ""
            if self.query is not None and column.orderable:
                turn = is_sorted and not self.is_descending
                url = self._url(sort=f"-{name}" if turn else name, page="")
                state = "" if not is_sorted else "descending" if self.is_descending else "ascending"
            css = f"{column.css} h".strip() if column.row_header else column.css
            found.append(Heading(name, label, css, column.help_text, url, state))
        return found

    @property
    def body_html(self) -> SafeString:
        """All rows. Each column escapes what it writes."""
        return self._rows_html(self.page_of_records.records)

    @property
    def foot_html(self) -> SafeString:
        """The rows of the foot; empty when there is none."""
        return self._rows_html(self.foot)

    def _rows_html(self, records: Sequence[Record]) -> SafeString:
        columns = [column for _, _, column in self.shown]
        rows = [
            f"<tr>{''.join([column.cell_html(record) for column in columns])}</tr>"
            for record in records
        ]
        return mark_safe("\n".join(rows))  # noqa: S308  (cells are escaped by their columns)

    @property
    def is_empty(self) -> bool:
        return not self.page_of_records.records

    @property
    def export_url(self) -> str:
        """The address of the same rows, all of them, as CSV."""
        base = self._url(page="")
        return f"{base}{'&' if '?' in base and base != '?' else '?'}export=csv".replace("??", "?")

    @property
    def pager(self) -> list[PageLink]:
        """Links to other pages; none when everything is on this one."""
        page = self.page_of_records
        if page.last_number <= 1 and not page.is_bounded:
            return []
        links = []
        for number in page.numbers:
            is_current = number == page.number
            url = (
                ""
                if is_current or not number
                else self._url(page="" if number == 1 else str(number))
            )
            links.append(PageLink(str(number) if number else "…", url, is_current))
        if page.is_bounded:
            links.append(PageLink("…", ""))
            is_current = page.number == 0
            links.append(PageLink("Last", "" if is_current else self._url(page=LAST), is_current))
        return links

    # --- export -------------------------------------------------------------------------------

    def export_headings(self) -> list[str]:
        """Headings of the CSV, in the order of the columns."""
        return [text for _, label, column in self.shown for text in column.export_headings(label)]

    def export_rows(self) -> Iterator[list[ExportValue]]:
        """Every row that matches, not only this page, in the order shown; the foot comes last."""
        source = self.ordered
        records = (
            source.iterator(chunk_size=EXPORT_CHUNK) if isinstance(source, QuerySet) else source
        )
        for chunk in batched(records, EXPORT_CHUNK):
            for record in self.enrich(chunk):
                yield self._export_row(record)
        for record in self.foot:
            yield self._export_row(record)

    def _export_row(self, record: Record) -> list[ExportValue]:
        return [value for _, _, column in self.shown for value in column.export_values(record)]


def batched(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Lists of at most `size` records."""
    rest = iter(records)
    while chunk := list(islice(rest, size)):
        yield chunk


def _sorted_records(
    records: Sequence[Record], keys: Sequence[str], is_descending: bool
) -> list[Record]:
    """Records by several keys, missing values last either way; equal ones keep their order."""
    ordered = list(records)
    for key in reversed(keys):
        known = [record for record in ordered if record[key] is not None]
        unknown = [record for record in ordered if record[key] is None]
        known.sort(key=lambda record, key=key: record[key], reverse=is_descending)  # type: ignore[misc]
        ordered = known + unknown
    return ordered
