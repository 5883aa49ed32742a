"""The catalogue of failures as data: each fault, what is expected, and the tests that show it.

`catalogue.toml` holds the rows; `docs/failure-catalogue.md` is drawn from it:
`python -m tests.reliability.catalogue` writes it again.
"""

from __future__ import annotations

import ast
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.tree import REPOSITORY, parsed

ROWS = range(1, 73)
SOURCE = REPOSITORY / "tests" / "reliability" / "catalogue.toml"
PAGE = REPOSITORY / "docs" / "failure-catalogue.md"
HEAD = """# Failure catalogue

Faults that the portal must survive, what is expected of it, and the tests that show it. It is
written from `tests/reliability/catalogue.toml`. A test finds every test that is named here. Those
marked (long) run with `python3 quickstart.py prove`, those marked (sweep) with
`python3 quickstart.py test -m sweep`, the others with `python3 quickstart.py test`.

{summary}

| # | fault | expected | shown by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        tests: `file::function` below `tests/`, or `file` when all of it is about the fault.
        missing: what of the row is not shown, or why the whole does not apply; "" when all is.
    """

    number: int
    fault: str
    expected: str
    tests: tuple[str, ...]
    missing: str

    @property
    def state(self) -> str:
        if self.tests:
            return "in part" if self.missing else "shown"
        return "not shown"


@functools.cache
def rows() -> list[Row]:
    found = tomllib.loads(SOURCE.read_text("utf-8"))
    return [
        Row(
            number=int(number),
            fault=each["fault"],
            expected=each["expected"],
            tests=tuple(each.get("tests", ())),
            missing=each.get("missing", ""),
        )
        for number, each in found.items()
    ]


@functools.cache
def functions_of(path: Path) -> dict[str, str]:
    """The tests of a file, and the word for when each runs: "" for those of every day."""
    return {
        node.name: _when({ast.unparse(each).partition("(")[0] for each in node.decorator_list})
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _when(decorators: set[str]) -> str:
    words = {"pytest.mark.prove": " (long)", "pytest.mark.sweep": " (sweep)"}
    return next((word for marker, word in words.items() if marker in decorators), "")


def unknown_tests(row: Row) -> list[str]:
    """What the row names and is not there."""
    wrong = []
    for name in row.tests:
        file, _, function = name.partition("::")
        path = REPOSITORY / "tests" / file
        if not path.is_file() or (function and function not in functions_of(path)):
            wrong.append(name)
    return wrong


def page() -> str:
    counted = dict.fromkeys(("shown", "in part", "not shown"), 0)
    lines = []
    for row in rows():
        counted[row.state] += 1
        lines.append(
            f"| {row.number} | {row.fault} | {row.expected} | {'<br>'.join(_shown(row))} |\n"
        )
    summary = ", ".join(f"{number} {state}" for state, number in counted.items())
    return HEAD.format(summary=f"{len(lines)} rows: {summary}.") + "".join(lines)


def _shown(row: Row) -> list[str]:
    found = []
    for name in row.tests:
        file, _, function = name.partition("::")
        when = functions_of(REPOSITORY / "tests" / file)[function] if function else ""
        found.append(f"`{name}`{when}")
    if row.missing:
        found.append(f"{'But: ' if row.tests else ''}{row.missing}")
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
