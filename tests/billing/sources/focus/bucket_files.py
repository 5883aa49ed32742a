"""FOCUS files as they lie in buckets, and what of them is stored."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from billing.models import Charge
from portal.shell.money import from_nano
from tests.billing.sources.focus.focus_files import BASE_ROW, csv_bytes


def cost(day: str, amount: str, *, hour: int = 10, **changes: str) -> dict[str, str]:
    """A row of one hour, in the calendar month of its day."""
    first = date.fromisoformat(day).replace(day=1)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return BASE_ROW | {
        "BillingPeriodStart": f"{first}T00:00:00Z",
        "BillingPeriodEnd": f"{after}T00:00:00Z",
        "ChargePeriodStart": f"{day}T{hour:02}:00:00Z",
        "ChargePeriodEnd": f"{day}T{hour:02}:59:59Z",
        "BilledCost": amount,
        "EffectiveCost": amount,
    } | changes  # fmt: skip


def gateway(day: str, amount: str, *, key: str = "k1", model: str = "m1", **changes: str
            ) -> dict[str, str]:  # fmt: skip
    """A sum of a day so far, as a gateway's own export has it: billed to its key, for a day."""
    end = date.fromisoformat(day).toordinal() + 1
    return BASE_ROW | {
        "BillingAccountId": key,
        "BillingAccountType": "API Key",
        "BillingPeriodStart": f"{day}T00:00:00Z",
        "BillingPeriodEnd": f"{date.fromordinal(end)}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{date.fromordinal(end)}T00:00:00Z",
        "BilledCost": amount,
        "EffectiveCost": amount,
        "ResourceId": model,
        "Tags": f'{{"user_id": "u1", "model": "{model}"}}',
    } | changes  # fmt: skip


def packed(*rows: Mapping[str, str]) -> bytes:
    return gzip.compress(csv_bytes(rows), mtime=0)


def header_alone() -> bytes:
    return csv_bytes([BASE_ROW]).split(b"\n")[0] + b"\n"


def daily(day: str, *rows: Mapping[str, str], name: str = "a") -> dict[str, bytes]:
    """An object of a day, as Oracle writes them."""
    return {f"FOCUS Reports/{day.replace('-', '/')}/{name}.csv.gz": packed(*rows)}


def monthly(month: str, *rows: Mapping[str, str], run: str = "", part: int = 1) -> dict[str, bytes]:
    """A part of a month, as Azure writes them: in a folder of its run, or in that of the month."""
    first = date.fromisoformat(f"{month}-01")
    last = date.fromordinal(first.replace(day=28).toordinal() + 4).replace(day=1).toordinal() - 1
    folder = f"azure/{first:%Y%m%d}-{date.fromordinal(last):%Y%m%d}" + (f"/{run}" if run else "")
    return {f"{folder}/part_0_{part:04}.csv": csv_bytes(rows)}


def hourly(day: str, hour: int, *rows: Mapping[str, str]) -> dict[str, bytes]:
    """An object of an hour, as LiteLLM writes them."""
    name = f"usage_{day.replace('-', '')}T{hour:02}0000Z.csv"
    return {f"focus_exports/date={day}/hour={hour:02}/{name}": csv_bytes(rows)}


def by_day(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Sums by day."""
    sums: Counter[str] = Counter()
    for day, amount in amounts:
        sums[day] += amount  # type: ignore[assignment]
    return dict(sums)  # type: ignore[arg-type]


def stored() -> dict[str, Decimal]:
    """What is billed now, by day."""
    live = Charge.objects.filter(superseded_at__isnull=True)
    return by_day(
        (f"{day}", from_nano(nano)) for day, nano in live.values_list("day", "billed_nano")
    )
