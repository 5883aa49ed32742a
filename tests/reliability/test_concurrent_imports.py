"""Many imports of one connection at once have one effect, and the guards are why.

Each guard is taken away in a process of its own, to show that the same check then finds trouble.
A few are started by default, and eight in a sweep.
"""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import pytest

from tests.billing.services.charges import LiveCharge, assert_books_balance, live
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line, make_connection, run_import
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled
from tests.reliability.conftest import Importer

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
SO_MANY = sampled((3, 8), 3)  # at once


def rows(first: str) -> list[dict[str, str]]:
    """Forty rows of eight days, the first of which costs `first`."""
    found = [line(1 + n % 8, f"{n}.5", ServiceName=f"Service {n}") for n in range(40)]
    found[0] |= {"BilledCost": first, "EffectiveCost": first}
    return found


def import_many(
    importer: Importer, path: Path, many: int, *, without: tuple[str, ...] = (), dawdle: float = 0.5
) -> list[dict[str, int]]:
    """Import one file in many processes at once; returns the counts that each reports."""
    running = [importer.start(path, without=without, dawdle=dawdle, held=True) for _ in range(many)]
    importer.release()
    results = [each.result() for each in running]
    problems = [result["error"] for result in results if result["code"]]
    assert not problems, problems
    return [json.loads(result["output"]) for result in results]


@pytest.mark.parametrize("many", SO_MANY)
def test_many_imports_at_once_have_one_effect(
    importer: Importer, tmp_path: Path, many: int
) -> None:
    cloud = make_connection()
    run_import(cloud, rows("1"))
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes(rows("2")))
    told = import_many(importer, path, many)
    assert sorted(each["updated"] for each in told) == [0] * (many - 1) + [1]
    assert all(each["read"] == 40 for each in told)
    assert live() == expected("2")
    assert_books_balance()


@pytest.mark.parametrize("many", SO_MANY)
def test_many_first_imports_at_once_have_one_effect(
    importer: Importer, tmp_path: Path, many: int
) -> None:
    make_connection()
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes(rows("1")))
    told = import_many(importer, path, many)
    assert sorted(each["inserted"] for each in told) == [0] * (many - 1) + [40]
    assert live() == expected("1")
    assert_books_balance()


def expected(first: str) -> dict[LiveCharge, int]:
    """What one import of `rows(first)` leaves."""
    found = {
        LiveCharge(
            date(2026, 5, 1 + n % 8), f"Service {n}", "model-1", n * 10**9 + 5 * 10**8, 0, "USD"
        ): 1
        for n in range(1, 40)
    }
    first_nano = int(first) * 10**9
    found[LiveCharge(date(2026, 5, 1), "Service 0", "model-1", first_nano, 0, "USD")] = 1
    return {key._replace(effective=key.billed): number for key, number in found.items()}


@pytest.mark.parametrize("many", SO_MANY)
def test_without_the_guards_the_same_imports_go_wrong(
    importer: Importer, tmp_path: Path, engine: str, many: int
) -> None:
    cloud = make_connection()
    run_import(cloud, rows("1"))
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes(rows("2")))
    guards = ("lock",) if engine == "postgres" else ("lock", "immediate")

    def check() -> None:
        import_many(importer, path, many, without=guards)
        assert live() == expected("2")

    with pytest.raises(AssertionError):
        check()


@pytest.mark.parametrize("many", SO_MANY)
def test_on_sqlite_immediate_transactions_alone_are_enough(
    importer: Importer, tmp_path: Path, engine: str, many: int
) -> None:
    if engine != "sqlite":
        pytest.skip("this guard is SQLite's own")
    run_import(make_connection(), rows("1"))
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes(rows("2")))
    import_many(importer, path, many, without=("lock",))
    assert live() == expected("2")


@pytest.mark.parametrize("size", sampled(((2, 300), (4, 800)), (2, 300)))
def test_connections_that_bring_the_same_dimensions_do_not_wait_for_each_other_in_a_circle(
    importer: Importer, tmp_path: Path, size: tuple[int, int]
) -> None:
    connections, services = size
    order = random.Random(11)  # noqa: S311  (an order, not a secret)
    many = [line(1 + n % 8, "1", ServiceName=f"Service {n}") for n in range(services)]
    running = []
    for number in range(connections):
        make_connection(f"c{number}")
        order.shuffle(many)
        path = tmp_path / f"{number}.csv"
        path.write_bytes(csv_bytes(many))
        running.append(importer.start(path, connection=f"c{number}", held=True))
    importer.release()
    results = [each.result() for each in running]
    # The second of two overlapping connections is held, which is a decision and no fault.
    assert {result["code"] for result in results} <= {0, 3}, results
    assert_books_balance()


def upload_many(importer: Importer, path: Path, *, at_once: int, in_turn: int) -> None:
    """One file so often: the first import counts, all others find that they bring nothing."""
    make_connection()
    path.write_bytes(csv_bytes(rows("1")))
    running = [importer.start(path, held=True) for _ in range(at_once)]
    importer.release()
    told = [each.result() for each in running]
    assert [result["error"] for result in told if result["code"]] == []
    told += [importer.start(path).result() for _ in range(in_turn)]
    inserted = sorted(json.loads(result["output"])["inserted"] for result in told)
    assert inserted == [0] * (at_once + in_turn - 1) + [40]
    assert live() == expected("1")
    assert_books_balance()


@pytest.mark.parametrize("times", sampled((2, 5), 2))
def test_row_25_the_same_file_again_and_again_is_one_import(
    importer: Importer, tmp_path: Path, times: int
) -> None:
    upload_many(importer, tmp_path / "may.csv", at_once=times, in_turn=times)


@pytest.mark.prove("The same file a thousand times, twenty at once")
def test_row_25_the_same_file_a_thousand_times_is_one_import(
    importer: Importer, tmp_path: Path, figures: Figures
) -> None:
    in_turn = figures.scaled(980)
    upload_many(importer, tmp_path / "may.csv", at_once=20, in_turn=in_turn)
    figures("imports of one file", 20 + in_turn, 20 + in_turn)
