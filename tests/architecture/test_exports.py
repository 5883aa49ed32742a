"""Everything that leaves as CSV leaves by one door, where formulas are made harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture import tree

DOOR = "portal/shell/exports.py"
NOT_EXPORTS = {
    "adoption/forms/team_import.py": "takes an upload, and writes nothing",
    "adoption/sources/generic/rows.py": "puts a read line together again for the quarantine",
    "billing/demo/bills.py": "writes the bills of invented providers, to be imported",
    "billing/services/seat_entry.py": "writes typed seats as an upload; the import must read "
    "each cell as typed, which the door's guard against formulas would alter",
}
OTHER_WAYS = re.compile(
    r"text/csv|csv\.(writer|DictWriter)\b|from csv import .*[wW]riter|\.to_csv\b"
)


def other_ways_out(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{number} {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OTHER_WAYS.search(line)
    ]


def test_nothing_writes_csv_but_the_one_door() -> None:
    not_looked_at = {DOOR, *NOT_EXPORTS}
    product = [path for path in tree.source_files() if tree.relative(path) not in not_looked_at]
    assert other_ways_out(product) == []
    assert other_ways_out([tree.REPOSITORY / DOOR])


@pytest.mark.parametrize(
    "line",
    [
        'HttpResponse(content_type="text/csv")',
        "out = csv.writer(stream)",
        "from csv import DictWriter",
        "frame.to_csv(path)",
    ],
)
def test_another_way_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "view.py").write_text(line)
    assert len(other_ways_out([tmp_path / "view.py"])) == 1
