"""The name of a figure: what it measures, of which money, in which months.

Printed on pages and in the command line (`cost:use_case=faq,month=2026-05,measure=billed`) and
carried in addresses (`/costs/lineage/?use_case=faq&month=2026-05&measure=billed`); both say the
same. Commas and equals signs inside a value are written as in addresses (`%2C`).

The window is a `month`, `from` and `to` (months, both included), or a `day`: `day=2026-05-03`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import quote, unquote, urlencode

from django.db.models import Q, QuerySet

from billing.choices import ChargeCategory
from billing.models import DailyCost, MonthlyCost
from billing.selectors.moments import moment_key
from billing.selectors.spending import NOT_DAILY
from billing.selectors.use_cases import use_case_by_slug, use_cases_of_team
from portal.policies import AnyUser
from portal.shell.addresses import address_of
from portal.shell.formats import date_text
from portal.shell.periods import BadPeriodError, Month

PREFIX = "cost:"
CHARGE_PREFIX = "charge:"
UNALLOCATED = "unallocated"
NONE_STATED = "(none)"  # of an attribute: only what states none
MEASURES = ("billed", "effective")
# A category: all but purchases, credits, tax and adjustments, as days are judged by.
USUAL = "usual"
CATEGORIES = (USUAL, *ChargeCategory.values)
_NONE_IN_BRACKETS = re.compile(r"\(+none\)+")
_SAFE = " /:@*+.()[]~!;"


class BadReferenceError(ValueError):
    """The text names no figure; the message says what is wrong with it."""


# Key of a reference → column of the roll-ups.
LIMITS = {
    "service": "service_name",
    "provider": "provider",
    "model": "model",
    "cost_center": "cost_center",
    "connection": "connection__slug",
    "currency": "currency",
    "basis": "cost_basis",
    "reason": "unallocated_reason",
    "category": "charge_category",
}
# The same of a charge.
CHARGE_LIMITS = {
    "service": "dimension__service_name",
    "provider": "dimension__provider",
    "model": "dimension__model",
    "cost_center": "dimension__cost_center",
    "connection": "slice__connection__slug",
    "currency": "currency",
    "basis": "cost_basis",
    "category": "dimension__charge_category",
}


def spelled(value: str) -> str:
    """A stored value as the text of a limit: `(none)` is what states none, so a value that itself
    reads `(none)`, however bracketed, is written in one pair of brackets more."""
    if not value:
        return NONE_STATED
    return f"({value})" if _NONE_IN_BRACKETS.fullmatch(value) else value


def stated(text: str) -> str:
    """The value of a limit as it is stored: what `spelled` was given."""
    if text == NONE_STATED:
        return ""
    return text[1:-1] if _NONE_IN_BRACKETS.fullmatch(text) else text


def limits_of(reference: FigureReference, columns: Mapping[str, str], prefix: str = "") -> Q:
    """What a reference limits the rows to, by the columns that they have it in."""
    limits = Q()
    for key, column in columns.items():
        value = getattr(reference, key)
        if key == "category" and value == USUAL:
            limits &= ~Q(**{f"{prefix}{column}__in": NOT_DAILY})
        elif value:
            limits &= Q(**{f"{prefix}{column}": stated(value)})
    return limits


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureReference:
    """Which money is summed. Empty text means: not limited by this.

    Attributes:
        measure: `billed` or `effective`.
        use_case: slug of a use case, or `unallocated`.
        first, last: months (UTC), both included.
        day: one day (UTC); `first` and `last` are its month then, which `on` sees to.
        provider, service, model, cost_center, currency, basis, reason: as stored with the daily
            costs; `(none)` is what states none, `((none))` what is called "(none)" (see `spelled`).
        category: as stored with the daily costs, or `usual`: all but purchases, credits, tax and
            adjustments.
        connection: slug of a source. team: slug of the team that the use case belongs to.
        at: as recorded at this moment; None is now. Addresses carry it on; it is not part of the
            name, which is the same figure then and now.
    """

    measure: str = "billed"
    use_case: str = ""
    first: Month | None = None
    last: Month | None = None
    day: dt.date | None = None
    service: str = ""
    provider: str = ""
    currency: str = ""
    basis: str = ""
    reason: str = ""
    model: str = ""
    cost_center: str = ""
    category: str = ""
    connection: str = ""
    team: str = ""
    at: dt.datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `cost:key=value,…`.

        Raises:
            BadReferenceError: it cannot be read.
        """
        if not text.startswith(PREFIX):
            raise BadReferenceError(f"{text!r} does not start with {PREFIX!r}")
        values: dict[str, str] = {}
        for part in filter(None, text.removeprefix(PREFIX).split(",")):
            key, equals, value = part.partition("=")
            if not equals:
                raise BadReferenceError(f"{part!r} is not key=value")
            if key in values:
                raise BadReferenceError(f"{key!r} is given twice")
            values[key] = unquote(value)
        return cls.of(values)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Read keys and values, as a reference or an address has them.

        Raises:
            BadReferenceError: a key is unknown or a value cannot be read.
        """
        given = {key: value for key, value in values.items() if value}
        day = given.pop("day", "")
        months: dict[str, Month] = {}
        for key, names in (("month", ("first", "last")), ("from", ("first",)), ("to", ("last",))):
            if key in given:
                try:
                    month = Month.parse(given.pop(key))
                except BadPeriodError as error:
                    raise BadReferenceError(f"{key}: {error}") from error
                months |= dict.fromkeys(names, month)
        cls._check(given)
        limits: dict[str, Any] = dict(given)
        found = cls(**limits, first=months.get("first"), last=months.get("last"))
        if found.first and found.last and found.last < found.first:
            raise BadReferenceError(f"it ends ({found.last}) before it starts ({found.first})")
        return found.on(_day(day, found)) if day else found

    @classmethod
    def _check(cls, given: Mapping[str, str]) -> None:
        """Raise BadReferenceError for a key that is unknown, or a word that is not one of a few."""
        known = {field.name for field in fields(cls)} - {"first", "last", "day", "at"}
        if unknown := sorted(set(given) - known):
            expected = ", ".join(sorted({*known, "day", "month", "from", "to"}))
            raise BadReferenceError(f"unknown key {unknown[0]!r}; expected {expected}")
        if given.get("measure", MEASURES[0]) not in MEASURES:
            raise BadReferenceError(f"measure {given['measure']!r}; expected billed or effective")
        if given.get("category", USUAL) not in CATEGORIES:
            expected = ", ".join(CATEGORIES)
            raise BadReferenceError(f"category {given['category']!r}; expected {expected}")

    def parts(self) -> dict[str, str]:
        """Keys and values, in reading order, without what is not limited."""
        found = {"use_case": self.use_case}
        if self.day is not None:
            found["day"] = self.day.isoformat()
        elif self.first is not None and self.first == self.last:
            found["month"] = str(self.first)
        else:
            found |= {"from": str(self.first or ""), "to": str(self.last or "")}
        for name in (*LIMITS, "team", "measure"):
            found[name] = getattr(self, name)
        return {key: value for key, value in found.items() if value}

    def __str__(self) -> str:
        return PREFIX + ",".join(
            f"{key}={quote(value, safe=_SAFE)}" for key, value in self.parts().items()
        )

    @property
    def query(self) -> str:
        """As the query of an address."""
        return urlencode(self.parts() | self._moment)

    @property
    def lineage_url(self) -> str:
        """The page that shows what the figure is made of."""
        return f"{address_of('cost-lineage')}?{self.query}"

    @property
    def explorer_url(self) -> str:
        """The explorer with the same limits. It knows no days and no categories: of a day it
        shows the month, of a category all of them."""
        skipped = ("measure", "category")
        whole = replace(self, day=None)
        parts = {key: value for key, value in whole.parts().items() if key not in skipped}
        if month := parts.pop("month", ""):
            parts |= {"from": month, "to": month}
        return f"{address_of('costs')}?{urlencode(parts | self._moment)}"

    @property
    def _moment(self) -> dict[str, str]:
        return {"as_of": moment_key(self.at)} if self.at else {}

    def with_(self, **changes: str | Month | dt.datetime | None) -> Self:
        """The same with other limits."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def on(self, day: dt.date) -> Self:
        """The same of one day (UTC)."""
        month = Month.of(day)
        return replace(self, day=day, first=month, last=month)

    @property
    def start(self) -> dt.date | None:
        """First day (UTC) of the window, None when it is open."""
        if self.day is not None:
            return self.day
        return self.first.start if self.first else None

    @property
    def end(self) -> dt.date | None:
        """The day (UTC) after the window, None when it is open."""
        if self.day is not None:
            return self.day + dt.timedelta(days=1)
        return self.last.end if self.last else None

    @property
    def window_text(self) -> str:
        """The window in words."""
        if self.day is not None:
            return date_text(self.day)
        if self.first is not None and self.first == self.last:
            return self.first.label
        if self.first and self.last:
            return f"{self.first.label} to {self.last.label}"
        if self.first:
            return f"from {self.first.label}"
        return f"up to {self.last.label}" if self.last else "to date"


def _day(text: str, window: FigureReference) -> dt.date:
    """A day as it is written, of the months that are given beside it.

    Raises:
        BadReferenceError: it is no day, or lies outside.
    """
    try:
        day = dt.date.fromisoformat(text)
        Month.of(day)
    except ValueError as error:
        raise BadReferenceError(f"day: {text!r} is not a day; expected YYYY-MM-DD") from error
    if text != day.isoformat():
        raise BadReferenceError(f"day: {text!r} is not a day; expected YYYY-MM-DD")
    if (window.start and day < window.start) or (window.end and day >= window.end):
        raise BadReferenceError(f"day: {text} does not lie in {window.window_text}")
    return day


@dataclass(frozen=True, slots=True)
class Scope:
    """A reference whose use case has been looked up."""

    reference: FigureReference
    use_case_id: int | None = None
    use_case_title: str = ""
    team_use_cases: frozenset[int] = frozenset()

    @property
    def is_unallocated(self) -> bool:
        return self.reference.use_case == UNALLOCATED

    def monthly_costs(self) -> QuerySet[MonthlyCost]:
        """The monthly costs that the figure sums; of a day, none tells it."""
        return MonthlyCost.objects.filter(self._limits())

    def costs(self) -> QuerySet[DailyCost] | QuerySet[MonthlyCost]:
        """The costs that the figure sums: daily ones of a day, else the quicker monthly ones."""
        if self.reference.day is not None:
            return DailyCost.objects.filter(self._limits())
        return self.monthly_costs()

    def _limits(self) -> Q:
        wanted = self.reference
        limits = limits_of(wanted, LIMITS)
        if self.is_unallocated:
            limits &= Q(use_case__isnull=True)
        elif self.use_case_id is not None:
            limits &= Q(use_case_id=self.use_case_id)
        if wanted.start:
            limits &= Q(day__gte=wanted.start)
        if wanted.end:
            limits &= Q(day__lt=wanted.end)
        if wanted.team:
            limits &= Q(use_case_id__in=self.team_use_cases)
        return limits


def scope_of(reference: FigureReference, user: AnyUser | None) -> Scope:
    """Look up the use case that a reference names; `user` None is a command of the operator.

    Raises:
        BadReferenceError: this person may see no such use case, or there is none.
    """
    team = frozenset(use_cases_of_team(reference.team)) if reference.team else frozenset()
    if not reference.use_case or reference.use_case == UNALLOCATED:
        return Scope(reference, team_use_cases=team)
    found = use_case_by_slug(reference.use_case, user)
    if found is None:
        raise BadReferenceError(f"there is no use case {reference.use_case!r}")
    return Scope(reference, found.pk, found.title, team)
