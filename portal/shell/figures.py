"""A number with all that a reader needs to trust it, or the reason why there is none.

Every number on a page is a `Figure` (templates: `{% figure fig %}`) or a cell of a table column
that carries the same facts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from portal.shell.formats import (
    MINUS,
    MISSING,
    NARROW_SPACE,
    Number,
    date_text,
    money_text,
    number_text,
    percent_text,
    to_decimal,
)
from portal.shell.money import decimal_text, from_nano
from portal.shell.statuses import FIGURE_STATUSES, FigureStatus, Status


class FigureKind(StrEnum):
    """How the value reads: a plain number, money (unit = ISO currency), or a share of one."""

    NUMBER = "number"
    MONEY = "money"
    SHARE = "share"


class IncompleteFigureError(ValueError):
    """A figure was made without what it must carry; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number on a page.

    Attributes:
        label: what it is, for people.
        value: exact value, or None when it is not known (never 0 for "not known").
        reason: why it is None, as a sentence or reason text; required then, refused otherwise.
        kind: how to write it.
        unit: `deliveries`, `days`, or the ISO code of a currency.
        decimals: places to show; None: none for whole numbers, two for others, one for a share.
        status: how settled it is; None when there is no value.
        basis: for money: `Invoiced`, `Metered`, `Estimated` or `Derived`.
        window: the period it covers, in words.
        as_of: the newest data in it (aware moment).
        note: one more short fact, for example `n = 24` or a coverage.
        definition_url, lineage_url: where it is defined, and where it comes from.
    """

    label: str
    value: Number | None
    reason: str = ""
    kind: FigureKind = FigureKind.NUMBER
    unit: str = ""
    decimals: int | None = None
    status: FigureStatus | None = None
    basis: str = ""
    window: str = ""
    as_of: dt.datetime | None = None
    note: str = ""
    definition_url: str = ""
    lineage_url: str = ""

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise IncompleteFigureError(f"{self.label}: a missing value needs a reason")
        if self.value is not None and self.reason:
            raise IncompleteFigureError(f"{self.label}: a value and a reason for having none")
        if self.value is not None and self.status is None:
            raise IncompleteFigureError(f"{self.label}: a value needs a status")
        if self.kind is FigureKind.MONEY and self.value is not None and len(self.unit) != 3:
            raise IncompleteFigureError(f"{self.label}: money needs a currency code as unit")
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise IncompleteFigureError(f"{self.label}: as_of needs a time zone")

    @classmethod
    def missing(cls, label: str, reason: str, *, definition_url: str = "") -> Self:
        """A figure that is not known, and why."""
        return cls(label=label, value=None, reason=reason, definition_url=definition_url)

    @classmethod
    def money(
        cls,
        label: str,
        nano: int,
        currency: str,
        *,
        status: FigureStatus,
        basis: str,
        window: str = "",
        as_of: dt.datetime | None = None,
        note: str = "",
        definition_url: str = "",
        lineage_url: str = "",
    ) -> Self:
        """An amount given in nano-units of `currency`."""
        return cls(
            label=label,
            value=from_nano(nano),
            kind=FigureKind.MONEY,
            unit=currency,
            status=status,
            basis=basis,
            window=window,
            as_of=as_of,
            note=note,
            definition_url=definition_url,
            lineage_url=lineage_url,
        )

    @property
    def text(self) -> str:
        """The value as it reads, with unit; a dash when there is none."""
        if self.value is None:
            return MISSING
        if self.kind is FigureKind.MONEY:
            return money_text(to_decimal(self.value), self.unit)
        if self.kind is FigureKind.SHARE:
            return percent_text(self.value, 1 if self.decimals is None else self.decimals)
        amount = to_decimal(self.value)
        usual = 0 if amount == amount.to_integral_value() else 2
        text = number_text(amount, usual if self.decimals is None else self.decimals)
        return f"{text}{NARROW_SPACE}{self.unit}" if self.unit else text

    @property
    def number(self) -> str:
        """The value without its unit, for setting the two in different sizes."""
        return self.text.partition(NARROW_SPACE)[0]

    @property
    def suffix(self) -> str:
        """The unit as written after `number`."""
        return self.text.partition(NARROW_SPACE)[2]

    @property
    def exact(self) -> str:
        """Every digit that is known, with a plain unit: the `title` of what is shown."""
        if self.value is None:
            return ""
        text = decimal_text(to_decimal(self.value)).replace("-", MINUS)
        return f"{text} {self.unit}".strip()

    @property
    def state(self) -> Status | None:
        """The badge of its status."""
        return FIGURE_STATUSES.get(self.status) if self.status is not None else None

    @property
    def facts(self) -> list[str]:
        """Basis, window, note and freshness, in reading order."""
        found = [self.basis, self.window, self.note]
        if self.as_of is not None:
            found.append(f"as of {date_text(self.as_of.date())}")
        return [fact for fact in found if fact]


def share_of(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """`part / whole` as a share for display, or None when `whole` is zero."""
    return Decimal(part) / Decimal(whole) if whole else None
