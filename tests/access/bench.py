"""Holding mutants against the matrix: which checks run through which function, who kills whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.access.asking import Asker
from tests.access.checks import Behind, CellCheck, Check, ListOffers, Offers, problem_of
from tests.access.deeds import Answers, Grant
from tests.access.matrix import Cell, Column
from tests.access.mutants import Mutant
from tests.access.rewriting import Place, watched


@dataclass
class Bench:
    """All checks, asked once of the product as it is.

    Attributes:
        more: checks of a row that are not asked at first; they are asked of a mutant that one of
            the row's cells runs through.
        problems: what is wrong without any mutant.
        through: for every watched function, the checks that ran through it; only these can tell
            whether it behaves otherwise.
    """

    asker: Asker
    checks: Sequence[Check]
    more: Sequence[Behind | ListOffers | Offers] = ()
    problems: list[str] = field(default_factory=list)
    through: dict[Place, list[Check]] = field(default_factory=dict)

    def ask(self, places: Iterable[Place]) -> None:
        """Ask every check, watching these functions."""
        with watched(self.asker.living, sorted(set(places), key=str)) as touched:
            for check in self.checks:
                touched.clear()
                problem = problem_of(check, self.asker)
                if problem:
                    self.problems.append(problem)
                    continue
                for place in touched:
                    self.through.setdefault(place, []).append(check)

    def able(self, mutant: Mutant) -> list[Check]:
        """The checks that can find it, refusals first: they are quick and mostly do.

        A cell stands for its row and method: every column of those is asked.
        """
        if mutant.route:
            rows = [c.cell.row for c in self.checks if isinstance(c, CellCheck)]
            row = next((row for row in rows if row.route == mutant.route), None)
            doors = row.doors if row else ()
            return [CellCheck(Cell(row, c, m)) for m in doors for c in Column] if row else []
        able = {id(each): each for p in mutant.places for each in self.through.get(p, [])}
        cells = [each.cell for each in able.values() if isinstance(each, CellCheck)]
        asked = {(id(cell.row), cell.method): cell for cell in cells}.values()
        columns = [CellCheck(replace(cell, column=c)) for cell in asked for c in Column]
        others = [each for each in able.values() if not isinstance(each, CellCheck)]
        passed = {id(cell.row) for cell in cells}
        more = [each for each in self.more if id(each.row) in passed]
        return [*sorted([*columns, *others], key=_is_slow), *more]

    def killer(self, mutant: Mutant) -> str:
        """What the first check that finds the mutant says; empty when it survives."""
        able = self.able(mutant)
        with mutant.apply(self.asker.living):
            return next(filter(None, (problem_of(check, self.asker) for check in able)), "")


def _is_slow(check: Check) -> int:
    if isinstance(check, (Grant, Answers)):  # no request at all
        return -1
    if isinstance(check, CellCheck):
        return 0 if check.cell.expected in {302, 401, 403, 404} else 2
    return 1
