"""Every person at every address with every method: let in, or refused in the way that was chosen.

By default each row is asked a few times, a sweep asks every method that it speaks of, the long run
everything. In the long run pages are drawn.
"""

from __future__ import annotations

import ast
import enum
import sys
from collections import Counter
from functools import cache
from random import Random
from zlib import crc32

import pytest

from portal.shell.panels import home_panels, object_panels
from tests.access.argued import ARGUED
from tests.access.asking import Asker, without_templates
from tests.access.bench import Bench
from tests.access.checks import Bare, Behind, CellCheck, GateOpen, ListOffers, Offers, checks_of
from tests.access.matrix import METHODS, STRANGERS, Cell, Column, Row, cells_of
from tests.access.mutants import all_mutants
from tests.access.readers import Reader
from tests.access.rewriting import functions_in, modules, source_of
from tests.access.routes import addresses
from tests.access.rows import all_beside, all_panels, all_readers, all_rows
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import asks_for

ROWS, READERS, PANELS = all_rows(), all_readers(), all_panels()

# They take a person and find nothing themselves.
NOT_READERS = {
    "billing.selectors.references:scope_of",  # asks use_case_by_slug, and refuses what that lacks
}


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    known = {address.key for address in addresses()}
    rows = {row.route for row in ROWS}
    assert not known - rows, f"add a row to tests/access/rows for {sorted(known - rows)}"
    assert not rows - known, f"no address is called {sorted(rows - known)}"


def test_every_selector_that_takes_a_person_has_a_reader() -> None:
    known = {
        f"{module}:{name}"
        for module in modules()
        if "selectors" in module.split(".")
        for name, node in functions_in(ast.parse(source_of(module)[1]))
        if not name.startswith("_") and "user" in {each.arg for each in node.args.args}
    }
    readers = {reader.name for reader in READERS} | NOT_READERS
    assert not known - readers, f"add a Reader to tests/access/rows for {sorted(known - readers)}"
    assert not readers - known, f"no selector is called {sorted(readers - known)}"


def test_every_panel_has_a_row() -> None:
    known = {panel.key for panel in [*home_panels, *object_panels]}
    assert known == {panel.key for panel in PANELS}


def test_no_two_rows_say_different_things_about_one_address() -> None:
    twice = [name for name, count in Counter(row.id for row in ROWS).items() if count > 1]
    assert not twice, "give each row of an address a label of its own"


def test_404_instead_of_403_is_chosen_and_explained() -> None:
    unexplained = [
        row.id
        for row in ROWS
        if not row.why
        and any(row.expected(column, method) == 404 for column in Column for method in METHODS)
    ]
    assert not unexplained, "say in `why` why existence itself is not open to them"


def grouped(problems: list[str]) -> str:
    """One line for columns that fare alike."""
    found: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        before, _, rest = problem.partition(" as ")
        column, _, after = rest.partition(":")
        found.setdefault((before, after), []).append(column)
    return "\n".join(
        f"{before}{' as ' if any(columns) else ''}{', '.join(columns)}:{after}"
        for (before, after), columns in found.items()
    )


PARTS = 12  # of the long run over all removed checks
SEED = 4711  # which removed checks the short run tries; the long run tries all


class Run(enum.Enum):
    """How much is asked: by default, in a sweep, in the long run."""

    SHORT = enum.auto()
    SWEEP = enum.auto()
    LONG = enum.auto()


COSTLY = (Offers, Behind, ListOffers)
MANY = (GateOpen, Bare, Reader)
# Every so manieth check of these kinds is asked.
STEP_OF_COSTLY = {Run.SHORT: 61, Run.SWEEP: 4, Run.LONG: 1}
STEP_OF_MANY = {Run.SHORT: 4, Run.SWEEP: 1, Run.LONG: 1}


def kind_of_run(config: pytest.Config) -> Run:
    """Which run this is, by the markers that were asked for."""
    expression = str(config.getoption("-m") or "")
    if asks_for("prove", expression):
        return Run.LONG
    return Run.SWEEP if asks_for("sweep", expression) else Run.SHORT


mutants = cache(all_mutants)  # every source is read for them


def _turn(name: str, count: int) -> int:
    """A number below `count` that follows from a name: the same in every run."""
    return crc32(name.encode()) % count


def chosen(run: Run) -> list[Cell]:
    """The cells that are asked one by one.

    By default, for one method of every row, one who is refused and one who is let in; nobody signed
    in for every third row, and where nobody is refused. Otherwise, for every method that a row
    speaks of, nobody signed in, two who are refused and one who is let in; and one method that is
    refused to everybody.

    Which ones follows from the row's name, so it is the same in every run. The long run asks all
    by another test.
    """
    return _a_few() if run is Run.SHORT else _of_every_method()


def _by_fate(row: Row, method: str) -> tuple[list[Cell], list[Cell]]:
    """Who is refused and who is let in of those signed in, in an order of the row's own."""
    of_method = [Cell(row, column, method) for column in Column if column not in STRANGERS]
    turn = _turn(f"{row.id} {method}", len(of_method))
    turned = of_method[turn:] + of_method[:turn]
    refused = [cell for cell in turned if cell.expected in {403, 404}]
    return refused, [cell for cell in turned if cell.expected not in {403, 404}]


def _a_few() -> list[Cell]:
    cells = []
    for row in ROWS:
        methods = list(row.doors)
        method = methods[_turn(row.id, len(methods))]
        refused, let_in = _by_fate(row, method)
        cells += [*refused[:1], *let_in[:1]]
        if not refused or _turn(f"out {row.id}", 3) == 0:
            cells.append(Cell(row, Column.ANONYMOUS, method))
    return cells


def _of_every_method() -> list[Cell]:
    cells = []
    for row in ROWS:
        undeclared = [method for method in METHODS if row.door(method) is None]
        for method in [*row.doors, *undeclared[_turn(row.id, len(METHODS)) % 3 :][:1]]:
            refused, let_in = _by_fate(row, method)
            cells += [Cell(row, Column.ANONYMOUS, method), *refused[:2], *let_in[:1]]
    return cells


@pytest.fixture(scope="module")
def bench(asker: Asker, request: pytest.FixtureRequest) -> Bench:
    """What this run asks, asked once, watching every function with a permission check."""
    run = kind_of_run(request.config)
    others = [*checks_of(ROWS, READERS, PANELS), *all_beside()]
    costly = [check for check in others if isinstance(check, COSTLY)]
    cheap = [check for check in others if not isinstance(check, COSTLY)]
    many = [check for check in cheap if isinstance(check, MANY)]
    kept = [check for check in cheap if not isinstance(check, MANY)]
    kept += many[:: STEP_OF_MANY[run]]
    checks = [*map(CellCheck, chosen(run)), *kept, *costly[:: STEP_OF_COSTLY[run]]]
    asked = {id(check) for check in checks}
    made = Bench(asker, checks, [each for each in costly if id(each) not in asked])
    with without_templates():
        made.ask(place for mutant in mutants() for place in mutant.places)
    return made


def _say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def _answers_are_as_written(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    cells = sum(isinstance(check, CellCheck) for check in bench.checks)
    _say(
        capsys,
        f"access matrix: {cells} of {len(ROWS) * len(Column) * len(METHODS)} cells, "
        f"{len(bench.checks) - cells} other checks, {len(ROWS)} rows of "
        f"{len(addresses())} addresses",
    )
    assert not bench.problems, grouped(bench.problems)


@pytest.mark.django_db
def test_a_few_answers_of_every_row_are_as_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    _answers_are_as_written(bench, capsys)


@pytest.mark.sweep
@pytest.mark.django_db
def test_answers_to_every_method_of_every_row_are_as_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    _answers_are_as_written(bench, capsys)


def _removed_checks_are_found(bench: Bench, many: int, capsys: pytest.CaptureFixture[str]) -> None:
    to_be_found = [each for each in mutants() if each.name not in ARGUED]
    sample = Random(SEED).sample(to_be_found, many)  # noqa: S311  (a sample, no secret)
    with without_templates():
        survivors = [each.name for each in sample if not bench.killer(each)]
    _say(
        capsys,
        f"removed checks found: {many - len(survivors)} of {many} "
        f"(of {len(to_be_found)}; seed {SEED})",
    )
    assert not survivors, f"seed {SEED}; the long run asks more cells:\n" + "\n".join(survivors)


@pytest.mark.sweep
@pytest.mark.django_db
def test_ten_removed_checks_are_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    _removed_checks_are_found(bench, 10, capsys)


@pytest.mark.django_db
def test_three_removed_checks_are_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """That the matrix notices at all; which three follows from the seed."""
    _removed_checks_are_found(bench, 3, capsys)


def test_what_is_argued_away_is_a_check_that_there_is() -> None:
    assert not set(ARGUED) - {each.name for each in mutants()}


@pytest.mark.prove
@pytest.mark.django_db
def test_all_cells_are_as_written_with_pages_drawn(asker: Asker) -> None:
    checks = map(CellCheck, cells_of(ROWS))
    problems = [problem for check in checks if (problem := check.problem(asker))]
    assert not problems, grouped(problems)


@pytest.mark.prove("Removed permission checks")
@pytest.mark.django_db
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
def test_every_removed_check_is_found(bench: Bench, figures: Figures, part: int) -> None:
    """In parts, so that what one run found out needs not be found out again (`prove --keep`)."""
    mine = [each for each in mutants() if crc32(each.name.encode()) % PARTS == part]
    argued = set(ARGUED) & {each.name for each in mine}
    with without_templates():
        steps = figures.progress(mine, f"removed checks, part {part + 1}")
        survivors = {each.name for each in steps if not bench.killer(each)}
    for name in sorted(survivors - argued):
        figures.bad(f"nobody notices: {name}")
    for name in sorted(argued - survivors):
        figures.bad(f"found by now, take it off the list of those argued away: {name}")
    figures("removed checks found", len(mine) - len(survivors), len(mine) - len(argued))
    figures("argued to change nothing", len(argued), 0)
