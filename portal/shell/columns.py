"""Columns of list tables. Each writes its whole cell in one go, on the page and in the export.

A column reads from a *record*: a mapping as `QuerySet.values()` gives it. What is missing is shown
as a dash with its reason, never as 0 or as nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import django_tables2 as tables
from django.utils.html import conditional_escape, escape

from portal.shell.addresses import address_of
from portal.shell.figures import Figure
from portal.shell.formats import (
    MISSING,
    date_text,
    moment_text,
    nano_money_text,
    number_text,
    percent_text,
)
from portal.shell.money import from_nano, nano_text
from portal.shell.periods import Month
from portal.shell.statuses import StatusVocabulary, vocabularies

Record = Mapping[str, Any]
# Text is escaped against formulas by the export; numbers, dates and None are not text.
ExportValue = str | int | Decimal | dt.date | dt.datetime | None
NOT_GIVEN = "not given"
_LONG_NAME, _LONG_REASON, _LONG_TEXT = 16, 32, 32  # characters


class LinkTo:
    """The address of a record: `LinkTo("use-case", "slug")` is `reverse("use-case", [slug])`."""

    def __init__(self, url_name: str, *fields: str) -> None:
        self.url_name = url_name
        self.fields = fields

    def __call__(self, record: Record) -> str:
        values = [record[name] for name in self.fields]
        return "" if None in values else address_of(self.url_name, *values)


class ShellColumn(tables.Column):  # type: ignore[misc]  # django-tables2 ships no types
    """A column of text; the base of all others.

    Args:
        verbose_name: the heading.
        accessor: key of the record (default: the name of the column); `a__b` as in `values()`.
        url: gives the address that the cell links to; `""` for no link. See `LinkTo`.
        fields: further keys of the record that `url` or a subclass reads.
        sub: key of a second, smaller line.
        reason: why a value can be missing, for every row alike.
        reason_key: key of the record that holds the reason of that row.
        row_header: this cell names its row (one column of a table).
        nullable: the value can be missing, so sorting puts such rows last.
        sort_by: keys to sort by instead of the accessor.
        help_text: shown as the title of the heading.
    """

    css = ""

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        accessor: str | None = None,
        url: Callable[[Record], str] | None = None,
        fields: Sequence[str] = (),
        sub: str = "",
        reason: str = NOT_GIVEN,
        reason_key: str = "",
        row_header: bool = False,
        nullable: bool = False,
        sort_by: Sequence[str] = (),
        orderable: bool = True,
        help_text: str = "",
    ) -> None:
        super().__init__(verbose_name=verbose_name, accessor=accessor, orderable=orderable)
        self.source_key = accessor or ""
        self.url = url
        self.extra_fields = tuple(fields)
        self.sub = sub
        self.reason = reason
        self.reason_key = reason_key
        self.row_header = row_header
        self.nullable = nullable
        self.sort_by = tuple(sort_by)
        self.help_text = help_text

    def bind(self, name: str) -> None:
        """Take the column's name as key where none was given; called by the table."""
        self.source_key = self.source_key or name

    def needed(self) -> set[str]:
        """The keys of a record that this column reads."""
        linked = self.url.fields if isinstance(self.url, LinkTo) else ()
        extra = (self.sub, self.reason_key)
        return {self.source_key, *self.extra_fields, *linked, *(key for key in extra if key)}

    @property
    def sort_keys(self) -> tuple[str, ...]:
        """What sorting by this column sorts by."""
        return self.sort_by or (self.source_key,)

    def value(self, record: Record) -> Any:  # type: ignore[override, unused-ignore]
        """The raw value of this cell."""
        return record[self.source_key]

    def inner_html(self, value: Any, record: Record) -> str:
        """What stands in the cell when there is a value: escaped HTML."""
        return escape(value)

    def missing_html(self, record: Record) -> str:
        """A dash and the reason."""
        reason = record.get(self.reason_key) if self.reason_key else None
        text = str(reason or self.reason)
        css = "reason reason-long" if len(text) > _LONG_REASON else "reason"
        return (
            f'<span aria-hidden="true">{MISSING}</span> <span class="{css}">{escape(text)}</span>'
        )

    def cell_html(self, record: Record) -> str:
        """The whole `<td>` (or `<th scope="row">`)."""
        value = self.value(record)
        if value is None or value == "":
            inner = self.missing_html(record)
        else:
            inner = self.inner_html(value, record)
            if self.url is not None and (address := self.url(record)):
                inner = f'<a href="{escape(address)}">{inner}</a>'
        if self.sub and record.get(self.sub):
            inner = f'{inner}<span class="sub">{escape(record[self.sub])}</span>'
        css = f' class="{self.css}"' if self.css else ""
        if self.row_header:
            if not css and isinstance(value, str) and len(value) > _LONG_NAME:
                css = ' class="name"'  # it keeps a width in which it reads well
            return f'<th scope="row"{css}>{inner}</th>'
        below = record.get(self.sub) if self.sub else None
        if not css and any(isinstance(each, str) and len(each) > _LONG_TEXT
                           for each in (value, below)):  # fmt: skip
            css = ' class="text"'  # beside many columns it would stand a word a line
        return f"<td{css}>{inner}</td>"

    def export_headings(self, heading: str) -> list[str]:
        """Headings of the export columns that this column fills."""
        return [heading]

    def export_values(self, record: Record) -> list[ExportValue]:
        """Values of those export columns; None is an empty cell."""
        return [self.value(record)]


TextColumn = ShellColumn


class NumberColumn(ShellColumn):
    """A number in groups of three; `decimals=None` shows all the places that there are."""

    css = "n"

    def __init__(
        self, verbose_name: str | None = None, *, decimals: int | None = 0, **kwargs: Any
    ) -> None:
        super().__init__(verbose_name, **kwargs)
        self.decimals = decimals

    def inner_html(self, value: Any, record: Record) -> str:
        return number_text(value, self.decimals)


class ShareColumn(NumberColumn):
    """A share of one, shown as a percentage and exported as the share."""

    def __init__(
        self, verbose_name: str | None = None, *, decimals: int | None = 1, **kwargs: Any
    ) -> None:
        super().__init__(verbose_name, decimals=decimals, **kwargs)

    def inner_html(self, value: Any, record: Record) -> str:
        return percent_text(value, 1 if self.decimals is None else self.decimals)


class MoneyColumn(ShellColumn):
    """Nano-units beside their currency, which is the key `currency` or what `currency_key` says."""

    css = "n"

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        currency_key: str = "currency",
        **kwargs: Any,
    ) -> None:
        super().__init__(verbose_name, **kwargs)
        self.currency_key = currency_key

    def needed(self) -> set[str]:
        return super().needed() | {self.currency_key}

    def inner_html(self, value: Any, record: Record) -> str:
        currency = record[self.currency_key] or ""
        exact = f"{nano_text(value)} {currency}"
        return f'<span title="{escape(exact)}">{escape(nano_money_text(value, currency))}</span>'

    def export_headings(self, heading: str) -> list[str]:
        return [heading, f"{heading} (currency)"]

    def export_values(self, record: Record) -> list[ExportValue]:
        value = self.value(record)
        if value is None:
            return [None, None]
        return [from_nano(value), record[self.currency_key]]


class DateColumn(ShellColumn):
    """A day."""

    css = "w"

    def inner_html(self, value: dt.date, record: Record) -> str:
        return date_text(value)


class MonthColumn(ShellColumn):
    """A month, given as its first day: in words on the page, as `2026-05` in the export."""

    css = "w"

    def inner_html(self, value: dt.date, record: Record) -> str:
        return Month.of(value).label

    def export_values(self, record: Record) -> list[ExportValue]:
        value = self.value(record)
        return [None if value is None else str(Month.of(value))]


class MomentColumn(ShellColumn):
    """An aware moment, shown in `zone` (default UTC), exported in UTC."""

    css = "w"

    def __init__(
        self, verbose_name: str | None = None, *, zone: ZoneInfo | None = None, **kwargs: Any
    ) -> None:
        super().__init__(verbose_name, **kwargs)
        self.zone = zone

    def inner_html(self, value: dt.datetime, record: Record) -> str:
        return f'<time datetime="{value.isoformat()}">{moment_text(value, self.zone)}</time>'


class StatusColumn(ShellColumn):
    """A state, by the vocabulary registered under `vocabulary`."""

    def __init__(self, verbose_name: str | None = None, *, vocabulary: str, **kwargs: Any) -> None:
        super().__init__(verbose_name, **kwargs)
        self.vocabulary_key = vocabulary

    @property
    def vocabulary(self) -> StatusVocabulary:
        return vocabularies.get(self.vocabulary_key)

    def inner_html(self, value: Any, record: Record) -> str:
        return self.vocabulary.html(value)

    def export_values(self, record: Record) -> list[ExportValue]:
        value = self.value(record)
        return [self.vocabulary.label(value) if value not in (None, "") else None]


class FigureColumn(ShellColumn):
    """A figure made from the record: value, status and basis in the cell, all facts in the export.

    `fields` names the keys that `figure` reads. It cannot be sorted by unless `sort_by` says how.
    """

    css = "n"

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        figure: Callable[[Record], Figure],
        fields: Sequence[str],
        sort_by: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            verbose_name, fields=fields, sort_by=sort_by, orderable=bool(sort_by), **kwargs
        )
        self.figure = figure

    def needed(self) -> set[str]:
        return set(self.extra_fields)

    def value(self, record: Record) -> Figure:
        return self.figure(record)

    def inner_html(self, value: Figure, record: Record) -> str:
        if value.value is None:
            return (
                f'<span aria-hidden="true">{MISSING}</span> '
                f'<span class="reason">{escape(value.reason)}</span>'
            )
        text: str = escape(value.text)
        if value.lineage_url:
            text = f'<a href="{escape(value.lineage_url)}">{text}</a>'
        badge = value.state.html() if value.state else ""
        basis = f" {escape(value.basis)}" if value.basis else ""
        shown = f'<span title="{escape(value.exact)}">{text}</span>'
        return f'{shown}<span class="sub">{badge}{basis}</span>'

    def export_headings(self, heading: str) -> list[str]:
        return [heading, f"{heading} (unit)", f"{heading} (status)", f"{heading} (note)"]

    def export_values(self, record: Record) -> list[ExportValue]:
        figure = self.value(record)
        number = None if figure.value is None else Decimal(str(figure.value))
        note = figure.reason if figure.value is None else ", ".join(figure.facts)
        return [number, figure.unit or None, str(figure.status or "") or None, note or None]


class HtmlColumn(ShellColumn):
    """A cell that a function writes; use `format_html` there. Exported as `text(record)`."""

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        html: Callable[[Record], str],
        text: Callable[[Record], ExportValue],
        fields: Sequence[str],
        sort_by: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            verbose_name, fields=fields, sort_by=sort_by, orderable=bool(sort_by), **kwargs
        )
        self._html = html
        self._text = text

    def needed(self) -> set[str]:
        return set(self.extra_fields)

    def value(self, record: Record) -> str:
        return self._html(record)

    def inner_html(self, value: str, record: Record) -> str:
        return conditional_escape(value)

    def export_values(self, record: Record) -> list[ExportValue]:
        return [self._text(record)]
