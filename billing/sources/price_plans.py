"""Price plans as a source sees them: facts handed in before reading, never a list of our own.

`billing.selectors.plans` writes them, `ReadOptions.context["price_plans"]` brings them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanPrice:
    """What one plan costs on the days from `start` up to, not including, `end`.

    Prices are in major units of `currency`, exact; None is not known and never 0. `months` is the
    length of the period that `seat` pays for.
    """

    provider: str
    key: str
    start: date
    end: date | None
    currency: str
    seat: Decimal | None
    months: int
    credits: Decimal | None
    overage: Decimal | None

    def holds_on(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


class PriceList:
    """The plans of a context, found by provider, key and day."""

    def __init__(self, plans: Sequence[PlanPrice]) -> None:
        self._plans: dict[tuple[str, str], list[PlanPrice]] = {}
        for plan in plans:
            self._plans.setdefault(_name(plan.provider, plan.key), []).append(plan)

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> PriceList:
        """The list that a context brings; empty when it brings none."""
        return cls([_plan(item) for item in context.get("price_plans", ())])

    def find(self, provider: str, key: str, day: date) -> PlanPrice | None:
        """The plan that holds on a day. Upper and lower case are the same name."""
        known = self._plans.get(_name(provider, key), ())
        return next((plan for plan in known if plan.holds_on(day)), None)


def _name(provider: str, key: str) -> tuple[str, str]:
    return provider.strip().casefold(), key.strip().casefold()


def _plan(item: Mapping[str, Any]) -> PlanPrice:
    def number(name: str) -> Decimal | None:
        return None if item[name] is None else Decimal(item[name])

    return PlanPrice(
        provider=item["provider"],
        key=item["key"],
        start=date.fromisoformat(item["valid_from"]),
        end=None if item["valid_until"] is None else date.fromisoformat(item["valid_until"]),
        currency=item["currency"],
        seat=number("seat_price"),
        months=int(item["months"]),
        credits=number("included_credits"),
        overage=number("overage_price"),
    )
