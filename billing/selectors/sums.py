"""Sums in SQL that stay exact and do not overflow.

A sum of nano-units can pass 64 bits (in rupiah or won it does for one company's year), and SQLite
stops with an error there. So whole units and the nano-units left over are summed apart and put
together in Python, where whole numbers have no end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import CharField, F, Func, Sum
from django.db.models.expressions import Combinable

from billing.models import DailyCost, MonthlyCost, MonthlyWrite
from portal.shell.money import NANO_PER_UNIT


class MonthOf(Func):
    """The month of a date column as `YYYY-MM`; a text, because SQLite cuts texts fast."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, 7)")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="TO_CHAR(%(expressions)s, 'YYYY-MM')")


def nano_sums(**fields: str | Combinable) -> dict[str, Sum]:
    """Annotations for `annotate()` or `aggregate()`; `read_nano` takes the result apart again.

    Args:
        fields: name of the sum → column (or expression) of nano-units.
    """
    found: dict[str, Sum] = {}
    for name, field in fields.items():
        column = F(field) if isinstance(field, str) else field
        found[f"{name}_units"] = Sum(column / NANO_PER_UNIT)
        found[f"{name}_rest"] = Sum(column % NANO_PER_UNIT)
    return found


def roll_up_sums(model: type[DailyCost] | type[MonthlyCost]) -> dict[str, Sum]:
    """`nano_sums` of billed and effective cost over a roll-up; months keep the two parts apart."""
    if model is not MonthlyCost:
        return nano_sums(billed="billed_nano", effective="effective_nano")
    return {
        f"{name}_{ending}": Sum(f"{name}_{column}")
        for name in ("billed", "effective")
        for ending, column in (("units", "whole"), ("rest", "part"))
    }


def newest_write() -> str:
    """What changes whenever a cost is written or withdrawn: for keys of caches. One query, of a
    row a month and connection."""
    return str(MonthlyWrite.objects.aggregate(writes=Sum("writes"))["writes"] or 0)


def read_nano(row: Mapping[str, Any], name: str) -> int:
    """The exact sum in nano-units; 0 when there was nothing to sum.

    Both databases cut towards zero when dividing, and give the rest the sign of the dividend.
    """
    return int(row[f"{name}_units"] or 0) * NANO_PER_UNIT + int(row[f"{name}_rest"] or 0)


def divide_half_even(amount: int, parts: int) -> int:
    """`amount / parts` in whole nano-units, rounded half-even; `parts` is positive."""
    quotient, rest = divmod(amount, parts)
    double = 2 * rest
    if double > parts or (double == parts and quotient % 2):
        quotient += 1
    return quotient
