"""Files that unpack to far more than they weigh: refused soon, in bounded memory, nothing kept.

Each goes through the command in a process of its own, whose memory (with that of its children) is
watched from outside.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billing.models import Charge
from portal.choices import RunStatus
from portal.models import ImportRun
from tests.imports import make_connection
from tests.plugins.workers import test_database_variables as database_variables

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
SECONDS = 30  # alone it takes 2; other tests share the two cores
MEGABYTES = 500
_PARQUET_BOMB = """
import sys, duckdb
duckdb.sql(f"COPY (SELECT repeat('x', 1000000) AS BilledCost, repeat('y', 1000000) AS "
           f"BillingAccountId FROM range(3000)) TO '{sys.argv[1]}' (FORMAT PARQUET)")
"""


def zeros(path: Path, gigabytes: int = 4) -> None:
    """Gigabytes of zeros in some megabytes: many small members, as gzip allows."""
    member = gzip.compress(bytes(64 * 1024**2), compresslevel=1)
    path.write_bytes(member * (gigabytes * 16))


def header_and_zeros(path: Path) -> None:
    """Begins like a cost file, so that it is not refused for its first bytes."""
    zeros(path)
    rest = path.read_bytes()
    path.write_bytes(gzip.compress(b"BilledCost,BillingAccountId\n") + rest)


def parquet(path: Path) -> None:
    subprocess.run([sys.executable, "-c", _PARQUET_BOMB, str(path)], check=True)


def megabytes_of(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    found = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += megabytes_of(int(child))
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return found + pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


@pytest.mark.parametrize("make", [zeros, header_and_zeros, parquet])
def test_a_bomb_is_refused_soon_and_in_bounded_memory(make: object, tmp_path: Path) -> None:
    make_connection()
    path = tmp_path / "bomb"
    assert callable(make)
    make(path)
    assert path.stat().st_size < 40 * 1024**2
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_costs", "--source", "focus"]
        + ["--connection", "cloud", str(path)],
        env={**os.environ, **database_variables()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak, began = 0.0, None
    while process.poll() is None:
        try:
            peak = max(peak, megabytes_of(process.pid))
        except (FileNotFoundError, ProcessLookupError, IndexError):
            continue
        if began is None and ImportRun.objects.exists():
            began = time.monotonic()
        time.sleep(0.02)
    taken = time.monotonic() - (began or time.monotonic())
    said = process.communicate()[1]
    assert process.returncode == 2, said
    assert "bomb" in said
    assert peak < MEGABYTES, f"{peak:.0f} MB"
    assert taken < SECONDS, f"{taken:.1f} s"
    assert ImportRun.objects.get().status == RunStatus.REFUSED
    assert not Charge.objects.exists()
