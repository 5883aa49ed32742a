"""What ten times the rows take, month after month, and what two imports take at once.

    PLUMBLINE_BENCHMARK_ROWS=1000000 python3 quickstart.py test --db postgres -m benchmark \\
        tests/benchmarks/test_import_growth.py -s

Each side of a ratio is of other billing accounts or months, so all of them are first imports.
Nothing is asserted about time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from billing.models import Charge
from portal.models import ImportRun
from tests.benchmarks.test_import import (
    DAYS,
    ROWS,
    _empty_the_largest_tables_first,
    say,
    text_line,
    touch_memory,
)
from tests.billing.sources.focus.focus_files import BASE_ROW
from tests.imports import make_connection
from tests.plugins.workers import test_database_variables as database_variables

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
__all__ = ["_empty_the_largest_tables_first"]
TIMES = 10
MONTHS = (1, *range(3, 12))  # those of at least thirty days


def bill(folder: Path, number: int, rows: int) -> tuple[str, Path]:
    """A connection and a file of a billing account of its own."""
    slug = f"cloud-{number}"
    make_connection(slug)
    return slug, write_bill(folder / f"bill-{number}.csv", f"account-{number}", 5, rows)


def write_bill(path: Path, account: str, month: int, rows: int) -> Path:
    """The charges of an account in a month of 2026; each month has resources of its own."""
    month_row = {
        **BASE_ROW,
        "BillingAccountId": account,
        "BillingPeriodStart": f"2026-{month:02}-01T00:00:00Z",
        "BillingPeriodEnd": f"2026-{month + 1:02}-01T00:00:00Z",
    }
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(BASE_ROW) + "\n")
        for n in range(rows):
            day, hour = 1 + n % DAYS, n // DAYS % 24
            text = text_line(n, f"2026-{month:02}-{day:02}", hour, n * 7919 % 10**10, month_row)
            out.write(text.replace(",resource-", f",month-{month}-resource-", 1))
    return path


def seconds_of(bills: Sequence[tuple[str, Path]]) -> float:
    """From the start of the first run to the end of the last process, all begun at once."""
    before = ImportRun.objects.count()
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "import_costs", "--source", "focus"]
            + ["--connection", slug, str(path)],
            env={**os.environ, **database_variables()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for slug, path in bills
    ]
    codes = [process.wait() for process in processes]
    ended = time.time()
    assert codes == [0] * len(bills), ImportRun.objects.latest("pk").problem
    starts = [run.started_at for run in ImportRun.objects.order_by("pk")[before:] if run.started_at]
    return ended - min(starts).timestamp()


def test_two_imports_of_different_scopes_at_once(tmp_path: Path, engine: str) -> None:
    touch_memory(engine)
    bills = [bill(tmp_path, number, ROWS) for number in range(4)]
    apart = sum(seconds_of([each]) for each in bills[:2])
    together = seconds_of(bills[2:])
    assert Charge.objects.count() == 4 * ROWS
    say(f"\n{engine}, two imports of {ROWS:,} rows: one after the other {apart:.1f} s, "
        f"at once {together:.1f} s, ratio {apart / together:.2f} (target 1.7)")  # fmt: skip


def test_ten_times_the_rows(tmp_path: Path, engine: str) -> None:
    touch_memory(engine)
    few, many = bill(tmp_path, 0, ROWS), bill(tmp_path, 1, TIMES * ROWS)
    one, other = seconds_of([few]), seconds_of([many])
    assert Charge.objects.count() == (1 + TIMES) * ROWS
    say(f"\n{engine}, {ROWS:,} rows in {one:.1f} s, {TIMES * ROWS:,} in {other:.1f} s: "
        f"{other / one / TIMES:.2f} times as long for a row (target at most 1.1)")  # fmt: skip


def test_month_after_month(tmp_path: Path, engine: str) -> None:
    touch_memory(engine)
    make_connection("cloud")
    seconds: list[float] = []
    for month in MONTHS:
        path = write_bill(tmp_path / f"{month}.csv", "account", month, ROWS)
        seconds.append(seconds_of([("cloud", path)]))
        path.unlink()
    assert Charge.objects.count() == len(MONTHS) * ROWS
    say(f"\n{engine}, months of {ROWS:,} rows, seconds: "
        f"{', '.join(f'{each:.1f}' for each in seconds)}; the last is "
        f"{seconds[-1] / seconds[0]:.2f} of the first")  # fmt: skip
