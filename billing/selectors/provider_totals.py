"""What providers themselves said that billing periods had come to, as held against the cost lines.

Compared at each import (`services/control_totals.py`) and told at the close: an invoice may tie to
its lines although the source counts something that never came.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from portal.choices import RunStatus
from portal.models import ImportRun
from portal.shell.money import decimal_text
from portal.shell.periods import Month


@dataclass(frozen=True, slots=True)
class ProviderTotal:
    """The newest comparison of a total with the cost lines, in major units of `currency`.

    Attributes:
        name: what the provider totals, such as `Cursor on-demand spend`.
        since: the first day of the billing period (UTC).
        difference: the provider's total less the lines.
        run: the import that compared them.
        source: the connection's name.
    """

    name: str
    since: dt.date
    currency: str
    expected: Decimal
    found: Decimal
    difference: Decimal
    run: int
    source: str

    @property
    def agrees(self) -> bool:
        """Exactly: the page says the difference, and a person judges it."""
        return not self.difference

    def __str__(self) -> str:
        said = (
            f"{self.source}: {self.name} since {self.since} is {decimal_text(self.expected)} "
            f"{self.currency}"
        )
        if self.agrees:
            return f"{said}, as the cost lines (run {self.run})"
        return (
            f"{said}, the cost lines came to {decimal_text(self.found)}, a difference of "
            f"{decimal_text(self.difference)} (run {self.run})"
        )


ByConnection = Mapping[int, tuple[ProviderTotal, ...]]


def provider_totals(month: Month, *, until: dt.datetime | None = None) -> ByConnection:
    """By connection, the totals of billing periods that began in a month. One query.

    Args:
        until: those compared by this moment; None is now.
    """
    compared = Q(status=RunStatus.APPLIED, facts__has_key="controls", is_dry_run=False)
    # A period is totalled from its first day on; what was fetched before says nothing about it.
    compared &= Q(finished_at__gte=dt.datetime.combine(month.start, dt.time(), tzinfo=dt.UTC))
    if until is not None:
        compared &= Q(finished_at__lte=until)
    rows = ImportRun.objects.filter(compared).order_by("finished_at", "pk")
    newest: dict[tuple[int, str, str, str], ProviderTotal] = {}
    for pk, connection, source, said in rows.values_list(
        "pk", "connection_id", "connection__name", "facts__controls"
    ):
        for each in said:
            if each["period"][:7] == str(month):
                key = connection, each["name"], each["period"], each["currency"]
                newest[key] = _read(each, pk, source)
    return {
        connection: tuple(_of_connection(newest, connection))
        for connection in {key[0] for key in newest}
    }


def _read(said: Mapping[str, str], run: int, source: str) -> ProviderTotal:
    return ProviderTotal(
        name=said["name"],
        since=dt.date.fromisoformat(said["period"]),
        currency=said["currency"],
        expected=Decimal(said["expected"]),
        found=Decimal(said["found"]),
        difference=Decimal(said["difference"]),
        run=run,
        source=source,
    )


def _of_connection(
    newest: Mapping[tuple[int, str, str, str], ProviderTotal], connection: int
) -> Iterator[ProviderTotal]:
    for key in sorted(key for key in newest if key[0] == connection):
        yield newest[key]
