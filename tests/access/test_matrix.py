"""Every person at every address with every method: let in, or refused in the way that was chosen.

In the short run pages are not drawn; the long run draws them.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable
from zlib import crc32

import pytest

from portal.shell.panels import home_panels, object_panels
from tests.access.asking import Asker, without_templates
from tests.access.checks import checks_of, problem_of
from tests.access.matrix import METHODS, Cell, Column, cells_of
from tests.access.rewriting import functions_in, modules, source_of
from tests.access.routes import addresses
from tests.access.rows import all_panels, all_readers, all_rows

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


def wrong(asker: Asker, cells: Iterable[Cell]) -> list[str]:
    """Cells that are not as they should be, in words; columns that fare alike in one line."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        status = asker.status(cell)
        if status != cell.expected:
            words = f"{cell.method} {cell.row.id}: {status} instead of {cell.expected} for"
            found.setdefault(words, []).append(cell.column)
    return [f"{words} {', '.join(columns)}" for words, columns in found.items()]


def chosen() -> list[Cell]:
    """The cells of the short run: every column for every method that a row speaks of.

    Of HEAD and the methods that are refused to everybody, one column each; which one follows from
    the row's name, so it is the same in every run. The long run asks every cell.
    """
    everyone = list(Column)
    return [
        cell
        for cell in cells_of(ROWS)
        if (cell.is_declared and cell.method != "HEAD")
        or cell.column == everyone[crc32(f"{cell.row.id} {cell.method}".encode()) % len(everyone)]
    ]


@pytest.mark.django_db
def test_every_cell_is_as_written(asker: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    cells = chosen()
    with without_templates():
        problems = wrong(asker, cells)
    with capsys.disabled():
        total = len(ROWS) * len(Column) * len(METHODS)
        sys.stdout.write(
            f"\naccess matrix: {len(cells)} of {total} cells, {len(ROWS)} rows, "
            f"{len(addresses())} addresses\n"
        )
    assert not problems, "\n".join(problems)


@pytest.mark.django_db
def test_walls_readers_panels_and_offers_hold(asker: Asker) -> None:
    with without_templates():
        found = [problem_of(check, asker) for check in checks_of(ROWS, READERS, PANELS)]
    problems = [problem for problem in found if problem]
    assert not problems, "\n".join(problems)


@pytest.mark.prove
@pytest.mark.django_db
def test_all_cells_are_as_written_with_pages_drawn(asker: Asker) -> None:
    problems = wrong(asker, cells_of(ROWS))
    assert not problems, "\n".join(problems)
