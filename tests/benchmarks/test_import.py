"""How fast a cost file becomes charges, beside what the database alone could do with the rows.

Run with `quickstart.py test -m benchmark tests/benchmarks/test_import.py -s`, with `--db postgres`
for the comparison with COPY. `PLUMBLINE_BENCHMARK_ROWS` says how many rows (200 000). Both sides of
each ratio are measured in this run, one after the other; nothing is asserted about time.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from billing.models import Charge
from portal.models import ImportRun
from tests.billing.sources.focus.focus_files import BASE_ROW
from tests.imports import make_connection
from tests.plugins.workers import test_database_variables as database_variables

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
ROWS = int(os.environ.get("PLUMBLINE_BENCHMARK_ROWS", "200000"))
UPSERTED = 20_000
DAYS = 30


@pytest.fixture(autouse=True)
def _empty_the_largest_tables_first(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        for table in ("allocation", "restatement", "dailycost", "charge"):
            cursor.execute(f"DELETE FROM billing_{table}")  # noqa: S608  (names of our own)


def write_file(path: Path, *, restated_day: int | None = None) -> None:
    """`ROWS` lines of thirty days, 40 services and 500 resources, amounts to nine places."""
    header = list(BASE_ROW)
    with path.open("w", encoding="utf-8") as out:
        out.write(",".join(header) + "\n")
        for n in range(ROWS):
            day, hour = 1 + n % DAYS, n // DAYS % 24
            amount = n * 7919 % 10**10 + (10**9 if day == restated_day else 0)
            cost = f"{amount // 10**9}.{amount % 10**9:09}"
            row = {
                **BASE_ROW,
                "ChargePeriodStart": f"2026-05-{day:02}T{hour:02}:00:00Z",
                "ChargePeriodEnd": f"2026-05-{day:02}T{hour:02}:59:59Z",
                "BilledCost": cost,
                "EffectiveCost": cost,
                "ServiceName": f"Service {n % 40}",
                "ResourceId": f"resource-{n % 500}",
                "Tags": f'"{{""team"": ""t{n % 20}""}}"',
                "ChargeDescription": '"Tokens, input"',
            }
            out.write(",".join(row[name] for name in header) + "\n")


def timed_import(path: Path, what: str) -> float:
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
    return seconds


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def test_import_beside_raw_copy_and_upsert(tmp_path: Path, engine: str) -> None:
    make_connection()
    path = tmp_path / "may.csv"
    write_file(path)
    say(f"\n{engine}, {ROWS:,} rows, {path.stat().st_size / 1024**2:.0f} MiB of CSV")
    imported = timed_import(path, "first import")
    assert Charge.objects.count() == ROWS
    timed_import(path, "the same file again")
    packed = tmp_path / "may.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    timed_import(packed, "the same rows, packed otherwise")
    write_file(path, restated_day=7)
    timed_import(path, "one day restated")
    upserted = upsert_seconds()
    say(
        f"bulk_create upsert, scaled           {upserted:8.2f} s; import / upsert = "
        f"{imported / upserted:.2f}"
    )
    if engine == "postgres":
        copied = copy_seconds(tmp_path / "charges.copy")
        say(
            f"raw COPY with the same indexes       {copied:8.2f} s; import / COPY = "
            f"{imported / copied:.2f}"
        )


def upsert_seconds() -> float:
    """What `bulk_create` needs to write as many rows again over themselves, scaled up."""
    rows = list(Charge.objects.order_by("pk")[: min(UPSERTED, ROWS)])
    names = [field.name for field in Charge._meta.fields if field.name != "id"]
    with transaction.atomic():
        began = time.monotonic()
        Charge.objects.bulk_create(
            rows,
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=names,
        )
        taken = time.monotonic() - began
        transaction.set_rollback(True)
    return taken * ROWS / len(rows)


def copy_seconds(path: Path) -> float:
    """COPY of the first `ROWS` stored charges into an empty table with the same indexes."""
    with connection.cursor() as cursor:
        with (
            path.open("wb") as out,
            cursor.copy(
                "COPY (SELECT * FROM billing_charge ORDER BY id LIMIT %s) TO STDOUT", [ROWS]
            ) as copy,
        ):
            for block in copy:
                out.write(block)
        cursor.execute("CREATE TABLE benchmark_charge (LIKE billing_charge INCLUDING ALL)")
        began = time.monotonic()
        with path.open("rb") as source, cursor.copy("COPY benchmark_charge FROM STDIN") as copy:
            while block := source.read(1024 * 1024):
                copy.write(block)
        taken = time.monotonic() - began
        cursor.execute("DROP TABLE benchmark_charge")
    return taken
