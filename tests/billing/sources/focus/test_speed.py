"""How fast FOCUS files are read, beside the plain csv module in the same run."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.billing.sources.focus.focus_files import BASE_ROW, landed, read_landed

ROWS = 60_000
ROUNDS = 5
LEAST_RATIO = 0.2


def write_file(path: Path) -> None:
    """Some 45 columns, 500 resources that repeat, an amount and quantity of its own each row."""
    rng = random.Random(1)  # noqa: S311 - the same file in every run
    further = {f"x_Column{n}": f"value {n}" for n in range(45 - len(BASE_ROW))}
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*BASE_ROW, *further], lineterminator="\n")
        writer.writeheader()
        for _ in range(ROWS):
            amount = f"{rng.random() * 10:.11f}"
            day, hour = rng.randrange(1, 31), rng.randrange(23)
            changes = {
                "ResourceId": f"resource-{rng.randrange(500)}",
                "ChargePeriodStart": f"2026-05-{day:02}T{hour:02}:00:00Z",
                "ChargePeriodEnd": f"2026-05-{day:02}T{hour + 1:02}:00:00Z",
                "BilledCost": amount,
                "EffectiveCost": amount,
                "PricingQuantity": f"{rng.random() * 100:.6f}",
            }
            writer.writerow(BASE_ROW | further | changes)


def read_plainly(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        header = next(reader)
        billed, effective = header.index("BilledCost"), header.index("EffectiveCost")
        amounts = [(Decimal(row[billed]), Decimal(row[effective])) for row in reader]
    return len(amounts)


def best_rate(read: Callable[[], int]) -> float:
    """Rows a second of processor time, best of some rounds: the machine is shared."""
    rates = []
    for _ in range(ROUNDS):
        started = time.process_time()
        rows = read()
        rates.append(rows / (time.process_time() - started))
    return max(rates)


@pytest.mark.benchmark
def test_a_focus_csv_is_read_at_a_fifth_of_the_plain_csv_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "large.csv"
    write_file(path)
    plain = best_rate(lambda: read_plainly(path))
    ours = best_rate(lambda: len(read_landed([landed(path)]).records))
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark prints
            f"\nFOCUS CSV, 45 columns: {ours:,.0f} rows/s; csv module and two decimals: "
            f"{plain:,.0f} rows/s; ratio {ours / plain:.2f}"
        )
    assert ours / plain > LEAST_RATIO
