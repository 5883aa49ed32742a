"""The same bill in any packing, order, split or number of runs leaves the same world behind.

*The same world*: the same live rows with all their amounts, the same slices, allocations and
roll-ups, and the same head of the audit once the events about the runs themselves are left out
(`worlds.World`). A run's own events differ, since it is another run: who asked, when, which files.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

from billing.models import Restatement
from billing.models.allocation import WHOLE
from billing.sources.focus import source as focus_source
from portal.choices import RunStatus
from portal.models import AuditEvent, Connection, ImportRun
from portal.shell.money import from_nano
from tests.adoption.factories import make_use_case
from tests.billing.factories import make_rule
from tests.billing.services.charges import assert_books_balance, otherwise_packed
from tests.billing.sources.focus.focus_files import csv_bytes, make_chunks_small
from tests.billing.worlds import ABOUT_RUNS, World, audit_head, world
from tests.imports import Clock, line, make_connection, run_import
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db

Rows = list[dict[str, str]]
Import = Callable[..., ImportRun]
Way = Callable[[Import, Rows, Path], None]
DAYS = range(1, 16)
COSTS = ("1.50", "0.0000000005", "-3", "0.1", "1234567.123456789", "0", "2.5e-7")


def make_rows(seed: int, count: int = 60) -> Rows:
    """A bill of the first half of May; some lines are alike in everything."""
    chance = random.Random(seed)  # noqa: S311  (an order, not a secret)
    rows = [
        line(
            chance.choice(DAYS),
            chance.choice(COSTS),
            EffectiveCost=chance.choice((*COSTS, "")),
            BillingAccountId=chance.choice(("0042", "0043")),
            ServiceName=chance.choice(("Model Service", "Vector Store")),
            ResourceId=f"model-{chance.randrange(4)}",
            Tags=chance.choice(('{"use_case": "triage"}', '{"use_case": "faq"}', "")),
        )
        for _ in range(count)
    ]
    return rows + rows[:5]


def total(rows: Rows) -> Decimal:
    return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


@pytest.fixture
def ground() -> Connection:
    """A connection, and two rules that share what comes in."""
    one, other = make_use_case(), make_use_case()
    make_rule((one, WHOLE // 3), (other, WHOLE // 3))
    make_rule((other, WHOLE), value="faq")
    return make_connection()


def importer(connected: Connection, clock: Clock) -> Import:
    """Imports; whatever is not applied fails the test at once."""

    def run(*contents: bytes | Rows, **options: object) -> ImportRun:
        done = run_import(connected, *contents, clock=clock, **options)
        assert done.status == RunStatus.APPLIED, done.problem or done.held_reason
        return done

    return run


def plainly(connected: Connection, rows: Rows) -> World:
    """The world after one import of one file; nothing of it stays."""
    with transaction.atomic():
        importer(connected, Clock())(rows)
        assert_books_balance()
        found = world()
        transaction.set_rollback(True)
    return found


# --- ways of importing ------------------------------------------------------------------------


def twice(run: Import, rows: Rows, folder: Path) -> None:
    run(rows)
    again = run(rows)
    assert (again.inserted, again.updated, again.superseded) == (0, 0, 0)


def twice_and_shuffled(run: Import, rows: Rows, folder: Path) -> None:
    run(rows)
    again = run(otherwise_packed(csv_bytes(rows), "shuffled", folder))
    assert again.unchanged == len(rows)


def in_another_order(run: Import, rows: Rows, folder: Path) -> None:
    run(list(reversed(rows)))


def packed(how: str) -> Way:
    def run_packed(run: Import, rows: Rows, folder: Path) -> None:
        run(otherwise_packed(csv_bytes(rows), how, folder))
        again = run(rows)
        assert again.unchanged == len(rows)

    return run_packed


def in_files(run: Import, rows: Rows, folder: Path) -> None:
    run(rows[:7], rows[7:20], rows[20:21], rows[21:])


def in_files_of_every_kind(run: Import, rows: Rows, folder: Path) -> None:
    third = len(rows) // 3
    parts = (rows[:third], rows[third : 2 * third], rows[2 * third :])
    kinds = ("gzip", "parquet", "crlf")
    run(
        *(
            otherwise_packed(csv_bytes(part), kind, folder)
            for part, kind in zip(parts, kinds, strict=True)
        )
    )


def day_by_day(run: Import, rows: Rows, folder: Path) -> None:
    for day in reversed(DAYS):
        if part := of_days(rows, day, day + 1):
            run(part)


def merged_after_day_by_day(run: Import, rows: Rows, folder: Path) -> None:
    day_by_day(run, rows, folder)
    assert run(rows).unchanged == len(rows)


def in_overlapping_windows(run: Import, rows: Rows, folder: Path) -> None:
    for first, last in ((1, 9), (5, 13), (3, 6), (9, 16)):
        window = (dt.date(2026, 5, first), dt.date(2026, 5, last))
        run(rows, window=window)  # the file says more than the window asks for


def restated_and_back(run: Import, rows: Rows, folder: Path) -> None:
    run(rows)
    changed = [row | {"BilledCost": "7"} if index % 3 == 0 else row for index, row in pairs(rows)]
    run(changed)
    run(rows)
    moved = [
        (each.day, each.new_billed_nano - each.old_billed_nano)
        for each in Restatement.objects.order_by("pk")
    ]
    assert moved
    assert sum(amount for _, amount in moved) == 0


def with_a_line_gone_and_back(run: Import, rows: Rows, folder: Path) -> None:
    run(rows)
    kept = of_days(rows, 1, 5)[1:] + of_days(rows, 5, 16)
    run(kept)
    run(rows)


def a_row_at_a_time(run: Import, rows: Rows, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(focus_source, "BATCH_ROWS", 1)
        run(rows)


def by_column(way: Way) -> Way:
    """As a large file is read."""

    def run_by_column(run: Import, rows: Rows, folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            make_chunks_small(patch)
            way(run, rows, folder)

    return run_by_column


def packed_anew(run: Import, rows: Rows, folder: Path) -> None:
    assert run(csv_bytes(rows) + b"\n").unchanged == len(rows)


def by_column_after_by_row(run: Import, rows: Rows, folder: Path) -> None:
    run(rows)
    by_column(packed_anew)(run, rows, folder)


WAYS: Mapping[str, Way] = {
    "by column": by_column(in_another_order),
    "by column, in files": by_column(in_files),
    "by column, restated and back": by_column(restated_and_back),
    "by column after by row": by_column_after_by_row,
    "twice": twice,
    "twice and shuffled": twice_and_shuffled,
    "in another order": in_another_order,
    "gzip": packed("gzip"),
    "crlf": packed("crlf"),
    "bom": packed("bom"),
    "parquet": packed("parquet"),
    "in files": in_files,
    "in files of every kind": in_files_of_every_kind,
    "day by day": day_by_day,
    "merged after day by day": merged_after_day_by_day,
    "in overlapping windows": in_overlapping_windows,
    "restated and back": restated_and_back,
    "with a line gone and back": with_a_line_gone_and_back,
    "a row at a time": a_row_at_a_time,
}


def pairs(rows: Rows) -> list[tuple[int, dict[str, str]]]:
    return list(enumerate(rows))


def of_days(rows: Rows, first: int, last: int) -> Rows:
    """Rows of the days `first` to `last`, half-open."""
    return [row for row in rows if first <= int(row["ChargePeriodStart"][8:10]) < last]


def check(connected: Connection, way: Way, rows: Rows, folder: Path) -> None:
    expected = plainly(connected, rows)
    way(importer(connected, Clock()), rows, folder)
    assert_books_balance()
    found = world()
    for part in ("live", "slices", "allocations", "daily", "audit"):
        assert getattr(found, part) == getattr(expected, part), part
    stored = sum(each[7] * number for each, number in found.live.items())
    run = ImportRun.objects.filter(status=RunStatus.APPLIED).latest("pk")
    if run.read == len(rows):
        residue = Decimal(run.totals_residue["USD"]["billed"])
        assert from_nano(stored) + residue == total(rows)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "name",
    sampled(
        WAYS,
        "by column, restated and back",
        "in files of every kind",
        "in overlapping windows",
        "with a line gone and back",
    ),
)
def test_the_same_bill_leaves_the_same_world(name: str, ground: Connection, tmp_path: Path) -> None:
    check(ground, WAYS[name], make_rows(seed=7), tmp_path)


@pytest.mark.prove("Metamorphic imports")
@pytest.mark.both_engines
def test_any_bill_in_any_way_leaves_the_same_world(
    figures: Figures, ground: Connection, tmp_path: Path
) -> None:
    rounds = figures.scaled(400)
    for number in figures.progress(range(rounds), "bills"):
        name = sorted(WAYS)[number % len(WAYS)]
        rows = make_rows(figures.random.randrange(2**32), count=figures.random.randrange(25, 900))
        with transaction.atomic():
            check(ground, WAYS[name], rows, tmp_path)
            transaction.set_rollback(True)
    figures("bills imported in another way with the same end", rounds, target=rounds)


def test_two_bills_that_differ_leave_two_worlds(ground: Connection) -> None:
    """The comparison sees what it should: one digit of one line."""
    rows = make_rows(seed=7)
    other = [rows[0] | {"EffectiveCost": "0.000000001"}, *rows[1:]]
    one, two = plainly(ground, rows), plainly(ground, other)
    assert one.live != two.live
    assert one.slices != two.slices
    assert one.allocations != two.allocations
    assert one.daily != two.daily
    assert one.audit == two.audit


@pytest.mark.both_engines
def test_an_import_writes_about_itself_and_nothing_else(ground: Connection) -> None:
    """What the audit says of an import: its run, asked and then closed, and each of its files."""
    before, head = AuditEvent.objects.count(), audit_head()
    rows = make_rows(seed=7)
    importer(ground, Clock())(rows[:30], rows[30:])
    told = AuditEvent.objects.order_by("pk")[before:].values_list("operation", "table")
    assert {table for _, table in told} == set(ABOUT_RUNS)
    files = [operation for operation, table in told if table == "portal_importfile"]
    runs = [operation for operation, table in told if table == "portal_importrun"]
    assert files == ["insert", "insert"]
    assert runs[0] == "insert"
    assert set(runs[1:]) == {"update"}
    assert audit_head() == head


def test_the_head_sees_what_is_governed(ground: Connection) -> None:
    head = audit_head()
    ground.is_active = False
    ground.save()
    assert audit_head() != head
