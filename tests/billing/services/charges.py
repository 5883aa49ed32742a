"""What is stored about cost, in forms that tests compare."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Q, Sum

from billing.models import Allocation, Charge, ChargeSlice, DailyCost
from portal.models import Connection
from portal.shell.money import from_nano


class LiveCharge(NamedTuple):
    """A live cost line without what only says where it came from."""

    day: date
    service: str
    resource: str
    billed: int
    effective: int | None
    currency: str


def live(
    connected: Connection | None = None, *, as_of: datetime | None = None
) -> Counter[LiveCharge]:
    """The cost lines that hold now, or held at `as_of`, counted."""
    rows = Charge.objects.all()
    if connected is not None:
        rows = rows.filter(slice__connection=connected)
    if as_of is None:
        rows = rows.filter(superseded_at__isnull=True)
    else:
        rows = rows.filter(recorded_at__lte=as_of).filter(
            Q(superseded_at__isnull=True) | Q(superseded_at__gt=as_of)
        )
    return Counter(
        LiveCharge(*row)
        for row in rows.values_list(
            "day",
            "dimension__service_name",
            "dimension__resource_id",
            "billed_nano",
            "effective_nano",
            "currency",
        )
    )


def billed(connected: Connection | None = None) -> Decimal:
    """Sum of what is live, in whole units; the caller knows that it is one currency."""
    return from_nano(sum(each.billed * number for each, number in live(connected).items()))


def assert_books_balance() -> None:
    """Slices, allocations and roll-up all say what the live charges say, to the nano-unit."""
    charges = Charge.objects.filter(superseded_at__isnull=True)
    by_slice = {
        row["slice"]: (row["number"], row["billed"], row["effective"] or 0)
        for row in charges.order_by()
        .values("slice")
        .annotate(number=Count("pk"), billed=Sum("billed_nano"), effective=Sum("effective_nano"))
    }
    for part in ChargeSlice.objects.all():
        told = (part.rows, part.billed_nano, part.effective_nano)
        assert by_slice.pop(part.pk, (0, 0, 0)) == told, str(part)
    assert not by_slice
    _assert_allocations_sum_to_charges()
    _assert_roll_up_sums_to_charges()


def assert_days_add_up() -> None:
    """Allocated and unallocated sum to the charges: of each charge, and of each day."""
    live = Charge.objects.filter(superseded_at__isnull=True)
    amounts = {"billed": Sum("billed_nano"), "effective": Sum("effective_nano")}
    parts = Allocation.objects.filter(charge__in=live).order_by().values_list("charge_id")
    assert list(parts.annotate(**amounts).order_by("charge_id")) == list(
        live.order_by("pk").values_list("pk", "billed_nano", "effective_nano")
    )
    rolled_up = DailyCost.objects.order_by("day").values_list("day").annotate(**amounts)
    assert list(rolled_up) == list(live.order_by("day").values_list("day").annotate(**amounts))


def _assert_allocations_sum_to_charges() -> None:
    live_charges = Q(charge__superseded_at__isnull=True)
    parts = {
        row["charge"]: (row["billed"], row["effective"])
        for row in Allocation.objects.filter(live_charges)
        .order_by()
        .values("charge")
        .annotate(billed=Sum("billed_nano"), effective=Sum("effective_nano"))
    }
    whole = {
        pk: (billed_nano, effective)
        for pk, billed_nano, effective in Charge.objects.filter(
            superseded_at__isnull=True
        ).values_list("pk", "billed_nano", "effective_nano")
    }
    assert parts == whole


def _assert_roll_up_sums_to_charges() -> None:
    keys = ("day", "currency")
    told = {
        (row["day"], row["currency"]): (row["billed"], row["effective"])
        for row in DailyCost.objects.order_by()
        .values(*keys)
        .annotate(billed=Sum("billed_nano"), effective=Sum("effective_nano"))
    }
    held = {
        (row["day"], row["currency"]): (row["billed"], row["effective"] or 0)
        for row in Charge.objects.filter(superseded_at__isnull=True)
        .order_by()
        .values(*keys)
        .annotate(billed=Sum("billed_nano"), effective=Sum("effective_nano"))
    }
    assert told == held
    # A charge that is shared has a line with each of those who share it.
    lines = Counter(
        Allocation.objects.filter(charge__superseded_at__isnull=True).values_list(
            "charge__day", "charge__currency"
        )
    )
    counted = {
        (row["day"], row["currency"]): row["lines"]
        for row in DailyCost.objects.order_by().values(*keys).annotate(lines=Sum("charges"))
    }
    assert counted == lines


def fingerprint() -> tuple[int, ...]:
    """Moves when anything at all is written to the tables of cost, even and back again."""
    tables = ("billing_charge", "billing_chargeslice", "billing_restatement", "billing_dailycost")
    found: list[int] = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT COUNT(*), COALESCE(MAX(id), 0) FROM {table}")  # noqa: S608  (names of our own)
            found.extend(cursor.fetchone() or ())
    return tuple(found)


def otherwise_packed(content: bytes, how: str, folder: Path) -> bytes:
    """The same rows in another packing: gzip, crlf, bom, shuffled or parquet."""
    if how == "gzip":
        return gzip.compress(content)
    if how == "crlf":
        return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if how == "bom":
        return b"\xef\xbb\xbf" + content
    if how == "shuffled":
        header, *lines = content.splitlines(keepends=True)
        random.Random(7).shuffle(lines)  # noqa: S311  (an order, not a secret)
        return header + b"".join(lines)
    return to_parquet(content, folder)


# In a process of its own: DuckDB stays in memory, and the tests measure memory elsewhere.
_TO_PARQUET = """
import sys, duckdb
rows = duckdb.read_csv(sys.argv[1], all_varchar=True, header=True, delimiter=",", quotechar='"')
rows.write_parquet(sys.argv[2])
"""


def to_parquet(content: bytes, folder: Path) -> bytes:
    """A CSV file as Parquet, every column as text."""
    source, target = folder / "rows.csv", folder / "rows.parquet"
    source.write_bytes(content)
    subprocess.run([sys.executable, "-c", _TO_PARQUET, str(source), str(target)], check=True)
    return target.read_bytes()
