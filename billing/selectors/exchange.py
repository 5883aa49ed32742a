"""Reading an amount in another currency: with rate, date and source, and beside the original."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Q, QuerySet

from billing.models import AllocationShare, ExchangeRate
from billing.policies import may_see_costs
from billing.selectors.trials import recorded_at
from portal.policies import AnyUser

# Weekends and holidays have no rate of their own; what is older than this is not taken.
OLDEST = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rate:
    """What converts: one unit of `base` is `ratio` units of `quote`, exactly.

    Attributes:
        text: the rate as its source writes it.
        is_inverse: the source states quote → base; `ratio` is one over its rate.
        day: of the rate, which can lie some days before the day that was asked for.
    """

    base: str
    quote: str
    ratio: Fraction
    text: str
    is_inverse: bool
    day: dt.date
    source: str

    @property
    def said(self) -> str:
        """The rate as a sentence has it, with day and source."""
        one, other = (self.quote, self.base) if self.is_inverse else (self.base, self.quote)
        return f"1 {one} = {self.text} {other} on {self.day.isoformat()}, {self.source}"


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in two currencies. `nano` is None when there is no rate."""

    original_nano: int
    original_currency: str
    currency: str
    nano: int | None
    rate: Rate | None

    @property
    def reason(self) -> str:
        """Why there is no amount; empty when there is one."""
        if self.nano is not None:
            return ""
        return f"no rate from {self.original_currency} to {self.currency} for that day"


class Rates:
    """The live rates of some pairs, read once. Ask with `find` and `convert`."""

    def __init__(self, rows: Iterable[ExchangeRate]) -> None:
        self._by_pair: dict[tuple[str, str], list[ExchangeRate]] = {}
        for row in rows:
            self._by_pair.setdefault((row.base, row.quote), []).append(row)

    def find(self, base: str, quote: str, on: dt.date) -> Rate | None:
        """The newest rate on that day or at most a week before; the direct one goes first."""
        direct = self._newest(base, quote, on)
        if direct is not None:
            ratio = Fraction(Decimal(direct.rate))
            return Rate(base, quote, ratio, direct.rate, False, direct.day, direct.source)
        other = self._newest(quote, base, on)
        if other is None:
            return None
        ratio = 1 / Fraction(Decimal(other.rate))
        return Rate(base, quote, ratio, other.rate, True, other.day, other.source)

    def _newest(self, base: str, quote: str, on: dt.date) -> ExchangeRate | None:
        near = [row for row in self._by_pair.get((base, quote), ()) if on - OLDEST <= row.day <= on]
        return max(near, key=lambda row: row.day, default=None)

    def convert(self, nano: int, base: str, quote: str, on: dt.date) -> Converted:
        """Nano-units of `base` as nano-units of `quote`, rounded half-even once."""
        rate = self.find(base, quote, on)
        # Python rounds fractions half-even.
        found = None if rate is None else round(nano * rate.ratio)
        return Converted(nano, base, quote, found, rate)


def _live(at: dt.datetime | None) -> Q:
    return Q(superseded_at__isnull=True) if at is None else recorded_at(at)


def rates_between(
    currencies: Collection[str], quote: str, *, at: dt.datetime | None = None
) -> Rates:
    """Every live rate between these currencies and `quote`, both ways. One query.

    Args:
        at: those that were live at this moment; None is now.
    """
    wanted = set(currencies) - {quote}
    if not wanted:
        return Rates(())
    both = ExchangeRate.objects.filter(_live(at))
    return Rates(
        [
            *both.filter(base__in=wanted, quote=quote).union(
                both.filter(base=quote, quote__in=wanted), all=True
            )
        ]
    )


def exchange_rates_visible_to(
    user: AnyUser, *, at: dt.datetime | None = None
) -> QuerySet[ExchangeRate]:
    """The rates that were live at a moment (None: now): open to everybody who may see costs."""
    if not may_see_costs(user):
        return ExchangeRate.objects.none()
    return ExchangeRate.objects.filter(_live(at))


def reporting_currencies() -> list[str]:
    """The currencies in which programmes report. One query."""
    # Billing points at adoption's models by string, so it reaches them through its own keys.
    use_case: Any = AllocationShare._meta.get_field("use_case").related_model
    programmes = use_case._meta.get_field("programme").related_model.objects
    return sorted(set(programmes.order_by().values_list("currency", flat=True)))
