"""Every person at every address with every method: let in, or refused in the way that was chosen.

In the short run pages are not drawn; the long run draws them.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from portal.shell.panels import home_panels, object_panels
from tests.access.argued import ARGUED
from tests.access.asking import Asker, without_templates
from tests.access.bench import Bench
from tests.access.checks import Behind, CellCheck, ListOffers, Offers, checks_of
from tests.access.matrix import METHODS, STRANGERS, Cell, Column, cells_of
from tests.access.mutants import all_mutants
from tests.access.rewriting import functions_in, modules, source_of
from tests.access.routes import addresses
from tests.access.rows import all_beside, all_panels, all_readers, all_rows

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


SEED = 4711  # which removed checks the short run tries; the long run tries all
COSTLY = (Offers, Behind, ListOffers)


def is_proving(config: pytest.Config) -> bool:
    """Whether this is the long run."""
    return config.getoption("-m") == "prove"


def _turn(name: str, count: int) -> int:
    """A number below `count` that follows from a name: the same in every run."""
    return crc32(name.encode()) % count


def chosen() -> list[Cell]:
    """The cells of the short run: for every method that a row speaks of, nobody signed in, two who
    are refused and one who is let in; and one method that is refused to everybody.

    Which ones follows from the row's name, so it is the same in every run. The long run asks all.
    """
    cells = []
    for row in ROWS:
        undeclared = [method for method in METHODS if row.door(method) is None]
        for method in [*row.doors, *undeclared[_turn(row.id, len(METHODS)) % 3 :][:1]]:
            of_method = [Cell(row, column, method) for column in Column]
            turn = _turn(f"{row.id} {method}", len(of_method))
            turned = of_method[turn:] + of_method[:turn]
            inside = [cell for cell in turned if cell.column not in STRANGERS]
            refused = [cell for cell in inside if cell.expected in {403, 404}]
            let_in = [cell for cell in inside if cell.expected not in {403, 404}]
            cells += [of_method[0], *refused[:2], *let_in[:1]]
    return cells


@pytest.fixture(scope="module")
def bench(asker: Asker, request: pytest.FixtureRequest) -> Bench:
    """What the short run asks, asked once, watching every function with a permission check."""
    others = [*checks_of(ROWS, READERS, PANELS), *all_beside()]
    costly = [check for check in others if isinstance(check, COSTLY)]
    cheap = [check for check in others if not isinstance(check, COSTLY)]
    step = 1 if is_proving(request.config) else 4
    checks = [*map(CellCheck, chosen()), *cheap, *costly[::step]]
    asked = {id(check) for check in checks}
    made = Bench(asker, checks, [each for each in costly if id(each) not in asked])
    with without_templates():
        made.ask(place for mutant in all_mutants() for place in mutant.places)
    return made


@pytest.mark.django_db
def test_every_answer_is_as_written(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    cells = sum(isinstance(check, CellCheck) for check in bench.checks)
    with capsys.disabled():
        sys.stdout.write(
            f"\naccess matrix: {cells} of {len(ROWS) * len(Column) * len(METHODS)} cells, "
            f"{len(bench.checks) - cells} other checks, {len(ROWS)} rows of "
            f"{len(addresses())} addresses\n"
        )
    assert not bench.problems, grouped(bench.problems)


@pytest.mark.django_db
def test_a_few_removed_checks_are_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    # Survivors of the last long run that are neither mended nor argued: it stays red for them.
    known = set((Path(__file__).parent / "unproven.txt").read_text().splitlines()) | set(ARGUED)
    mutants = [each for each in all_mutants() if each.name not in known]
    sample = Random(SEED).sample(mutants, 10)  # noqa: S311  (a sample, no secret)
    with without_templates():
        survivors = [each.name for each in sample if not bench.killer(each)]
    with capsys.disabled():
        sys.stdout.write(
            f"\nremoved checks found: {len(sample) - len(survivors)} of {len(sample)} "
            f"(of {len(mutants)}; seed {SEED})\n"
        )
    assert not survivors, f"seed {SEED}; the long run asks more cells:\n" + "\n".join(survivors)


@pytest.mark.prove
@pytest.mark.django_db
def test_all_cells_are_as_written_with_pages_drawn(asker: Asker) -> None:
    checks = map(CellCheck, cells_of(ROWS))
    problems = [problem for check in checks if (problem := check.problem(asker))]
    assert not problems, grouped(problems)


@pytest.mark.prove
@pytest.mark.django_db
def test_every_removed_check_is_found(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    mutants = all_mutants()
    with without_templates():
        survivors = {each.name for each in mutants if not bench.killer(each)}
    with capsys.disabled():
        sys.stdout.write(
            f"\nremoved checks found: {len(mutants) - len(survivors)} of {len(mutants)}, "
            f"{len(survivors & set(ARGUED))} argued\n"
        )
    assert not survivors - set(ARGUED), "\n".join(sorted(survivors - set(ARGUED)))
    assert not set(ARGUED) - survivors, "these are found by now; take them off the list"
