"""How fast a cost file becomes charges, beside what others do with the same rows in the same run.

Run with `quickstart.py test -m benchmark tests/benchmarks/test_import.py -s`, with `--db postgres`
for the comparison with COPY. `PLUMBLINE_BENCHMARK_ROWS` says how many rows (200 000). Both sides of
each ratio are measured one after the other; nothing is asserted about time. At the end stands a
table of the targets of the project, with what was reached.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Manager

from billing.models import Allocation, Charge
from portal.models import ImportRun
from tests.billing.sources.focus.focus_files import BASE_ROW
from tests.imports import make_connection
from tests.plugins.workers import test_database_variables as database_variables

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
ROWS = int(os.environ.get("PLUMBLINE_BENCHMARK_ROWS", "200000"))
UPSERTED = 20_000
DAYS = 30
RESTATED = (7, 8, 9)


@pytest.fixture(autouse=True)
def _empty_the_largest_tables_first(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        for table in ("allocation", "restatement", "dailycost", "charge"):
            cursor.execute(f"DELETE FROM billing_{table}")  # noqa: S608  (names of our own)


def write_file(
    path: Path, *, restated_days: Collection[int] = (), is_backwards: bool = False
) -> None:
    """`ROWS` lines of thirty days, 40 services and 500 resources, amounts to nine places."""
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(BASE_ROW) + "\n")
        for n in reversed(range(ROWS)) if is_backwards else range(ROWS):
            day, hour = 1 + n % DAYS, n // DAYS % 24
            amount = n * 7919 % 10**10 + (10**9 if day in restated_days else 0)
            out.write(text_line(n, f"2026-05-{day:02}", hour, amount))


def text_line(n: int, day: str, hour: int, amount: int, base: Mapping[str, str] = BASE_ROW) -> str:
    """One line of the file; `amount` is in nano-units."""
    cost = f"{amount // 10**9}.{amount % 10**9:09}"
    row = {
        **base,
        "ChargePeriodStart": f"{day}T{hour:02}:00:00Z",
        "ChargePeriodEnd": f"{day}T{hour:02}:59:59Z",
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ServiceName": f"Service {n % 40}",
        "ResourceId": f"resource-{n % 500}",
        "Tags": f'"{{""team"": ""t{n % 20}""}}"',
        "ChargeDescription": '"Tokens, input"',
    }
    return ",".join(row.values()) + "\n"


@dataclass(frozen=True)
class Timed:
    """Seconds, and the most memory that the process held, in MB."""

    seconds: float
    megabytes: float

    @property
    def rows_a_second(self) -> float:
        return ROWS / max(self.seconds, 1e-3)


def timed_import(path: Path, what: str) -> Timed:
    """Import in a process of its own; prints and returns the seconds from the start of the run to
    the end of the process, follow-ups included."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_costs", "--source", "focus"]
        + ["--connection", "cloud", str(path)],
        env={**os.environ, **database_variables()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    ended = time.time()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, ImportRun.objects.latest("pk").problem
    run = ImportRun.objects.latest("pk")
    assert run.started_at is not None
    seconds = ended - run.started_at.timestamp()
    told = f"{run.inserted} inserted, {run.updated} updated, {run.unchanged} unchanged"
    say(
        f"{what:<34} {seconds:8.2f} s {run.read / max(seconds, 1e-3):12,.0f} rows/s "
        f"{usage.ru_maxrss / 1024:6.0f} MB   {told}"
    )
    return Timed(seconds, usage.ru_maxrss / 1024)


def timed_process(code: str, what: str) -> Timed:
    """A program in a process of its own; its start is not counted, its memory is."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        told = output.read().strip()
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, what
    found = Timed(float(told), usage.ru_maxrss / 1024)
    say(
        f"{what:<34} {found.seconds:8.2f} s {found.rows_a_second:12,.0f} rows/s "
        f"{found.megabytes:6.0f} MB"
    )
    return found


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def touch_memory(engine: str) -> None:
    """Have the database use its memory and its log once: the first to do so waits for the machine,
    and that would be the import, never what it is measured against."""
    if engine == "postgres":
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE touched AS SELECT n, repeat(md5(n::text), 4) AS words "
                "FROM generate_series(1, 6000000) AS n"
            )
            cursor.execute("DROP TABLE touched")
            cursor.execute("CHECKPOINT")


def test_import_beside_what_others_do(tmp_path: Path, engine: str) -> None:
    touch_memory(engine)
    make_connection()
    path = tmp_path / "may.csv"
    write_file(path)
    say(f"\n{engine}, {ROWS:,} rows, {path.stat().st_size / 1024**2:.0f} MiB of CSV")
    first = timed_import(path, "first import")
    assert Charge.objects.count() == ROWS
    again = timed_import(path, "the same file again")
    packed = tmp_path / "may.csv.gz"
    with path.open("rb") as plain, gzip.open(packed, "wb", compresslevel=1) as out:
        shutil.copyfileobj(plain, out, 1024 * 1024)
    other = timed_import(packed, "the same rows, packed otherwise")
    write_file(path, is_backwards=True)
    turned = timed_import(path, "the same rows, in another order")
    read, restated = restated_days(path)
    duck = timed_process(DUCKDB.format(path=str(path)), "DuckDB: read and sum, exact")
    panda = timed_process(PANDAS.format(path=str(path)), "pandas: read and sum, floats")
    upserted, created = others_writing()
    rows = [
        ("peak memory of the first import", f"{first.megabytes:.0f} MB", "at most 500 MB",
         first.megabytes <= 500),
        ("the same file again", f"{again.rows_a_second:,.0f} rows/s", "1,000,000",
         again.rows_a_second >= 1e6),
        ("the same rows, packed otherwise", f"{other.rows_a_second:,.0f} rows/s", "300,000",
         other.rows_a_second >= 3e5),
        ("the same rows, in another order", f"{turned.rows_a_second:,.0f} rows/s", "300,000",
         turned.rows_a_second >= 3e5),
        ("nearly the same rows: all are read", f"{ROWS / read:,.0f} rows/s", "none", True),
        ("one day restated, beyond reading", share(restated - read, first),
         "at most 3.0 %", restated - read <= 0.03 * first.seconds),
        *of_import("upsert", upserted, first, 10),
        *of_import("update_or_create", created, first, 200),
        ("pandas' read and sum / import", f"{panda.seconds / first.seconds:.2f}", "1",
         panda.seconds >= first.seconds),
        ("import / DuckDB's read and sum", f"{first.seconds / duck.seconds:.1f}", "none", True),
    ]  # fmt: skip
    if engine == "postgres":
        copied = {name: copy_seconds(name, tmp_path) for name in ("charge", "allocation")}
        rows += of_import("COPY", (copied["charge"], sum(copied.values())), first, 0.5)
    else:
        rows.append(("first import", f"{first.rows_a_second:,.0f} rows/s", "30,000",
                     first.rows_a_second >= 30_000))  # fmt: skip
    say(f"\n{'':<42}{'reached':>18}{'target':>18}")
    for name, reached, target, held in rows:
        say(f"{name:<42}{reached:>18}{target:>18}   {'' if held else 'falls short'}")


def restated_days(path: Path) -> tuple[float, float]:
    """Median seconds of reading what is known already, and of reading it with one day changed.

    To the known one line of a day before is added, or it would be told without being read.
    """
    read, restated = [], []
    for day in RESTATED:
        with path.open("a", encoding="utf-8") as file:
            file.write(text_line(day, f"2026-04-{day:02}", 0, 10**9))
        read.append(timed_import(path, "the same rows and one new").seconds)
        write_file(path, restated_days=range(RESTATED[0], day + 1))
        restated.append(timed_import(path, "one day restated").seconds)
    return statistics.median(read), statistics.median(restated)


DUCKDB = """
import time
import duckdb
with duckdb.connect(config={{"threads": 1}}) as database:
    began = time.perf_counter()
    database.execute(
        "SELECT ServiceName, Tags, ChargePeriodStart::TIMESTAMPTZ::DATE, "
        "SUM(BilledCost::DECIMAL(38, 9)), SUM(EffectiveCost::DECIMAL(38, 9)), COUNT(*) "
        "FROM read_csv('{path}', all_varchar = true) GROUP BY ALL"
    ).fetchall()
    print(time.perf_counter() - began)
"""


PANDAS = """
import time
import pandas
began = time.perf_counter()
frame = pandas.read_csv('{path}')
frame["day"] = pandas.to_datetime(frame["ChargePeriodStart"]).dt.date
frame.groupby(["ServiceName", "Tags", "day"])[["BilledCost", "EffectiveCost"]].sum()
print(time.perf_counter() - began)
"""


def share(seconds: float, whole: Timed) -> str:
    return f"{100 * seconds / whole.seconds:.1f} %"


Row = tuple[str, str, str, bool]


def of_import(what: str, seconds: tuple[float, float], whole: Timed, target: float) -> list[Row]:
    """Of a way of writing: lines alone, and with their allocations as an import writes them."""
    names = (f"{what} of lines / import", f"{what} of lines and allocations / import")
    ratios = [each / whole.seconds for each in seconds]
    return [
        (name, f"{ratio:.{0 if target > 100 else 2}f}", f"{target:g}", ratio >= target)
        for name, ratio in zip(names, ratios, strict=True)
    ]


def others_writing() -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of an upsert and of `update_or_create`: of all lines, and of these and their
    allocations."""
    upserted, created = [], []
    for model in (Charge, Allocation):
        name = f"{model.__name__.lower()}s"
        upserted.append(scaled(f"upsert of {name}", partial(bulk_upsert, model), UPSERTED))
        created.append(scaled(f"update_or_create of {name}", partial(update_or_create, model), 500))
    return (upserted[0], sum(upserted)), (created[0], sum(created))


def scaled(what: str, write: Callable[[int], None], count: int) -> float:
    """What a way of writing needs for all rows, from a few of them; nothing of it stays."""
    count = min(count, ROWS)
    with transaction.atomic():
        began = time.monotonic()
        write(count)
        taken = (time.monotonic() - began) * ROWS / count
        transaction.set_rollback(True)
    say(f"{what:<34} {taken:8.2f} s {ROWS / taken:12,.0f} rows/s")
    return taken


def bulk_upsert(model: type[Charge] | type[Allocation], count: int) -> None:
    """Rows over themselves."""
    rows: Manager[Any] = model._default_manager
    names = [field.name for field in model._meta.fields if field.name != "id"]
    rows.bulk_create(
        list(rows.order_by("pk")[:count]),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=names,
    )


def update_or_create(model: type[Charge] | type[Allocation], count: int) -> None:
    """One row after the other, as Django's documentation shows it."""
    rows: Manager[Any] = model._default_manager
    names = [field.attname for field in model._meta.fields if field.name != "id"]
    for values in rows.order_by("pk").values("id", *names)[:count]:
        rows.update_or_create(pk=values.pop("id"), defaults=values)


def copy_seconds(name: str, folder: Path) -> float:
    """Binary COPY of the first `ROWS` stored rows into an empty table with the same indexes."""
    path = folder / f"{name}.copy"
    with connection.cursor() as cursor:
        with (
            path.open("wb") as out,
            cursor.copy(
                f"COPY (SELECT * FROM billing_{name} ORDER BY id LIMIT {ROWS}) "  # noqa: S608  (names of our own)
                "TO STDOUT (FORMAT BINARY)"
            ) as copy,
        ):
            for block in copy:
                out.write(block)
        cursor.execute(f"CREATE TABLE benchmark_rows (LIKE billing_{name} INCLUDING ALL)")
        began = time.monotonic()
        into = "COPY benchmark_rows FROM STDIN (FORMAT BINARY)"
        with path.open("rb") as source, cursor.copy(into) as copy:
            while block := source.read(128 * 1024):
                copy.write(block)
        taken = time.monotonic() - began
        cursor.execute("DROP TABLE benchmark_rows")
    say(f"{f'raw COPY of {name}s, same indexes':<34} {taken:8.2f} s {ROWS / taken:12,.0f} rows/s")
    return taken
