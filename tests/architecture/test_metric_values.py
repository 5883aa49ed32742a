"""Metric values are read in one place, where small groups are withheld."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture import tree

READER = "adoption/selectors/metric_values.py"
MAY_USE_THE_TABLE = {
    READER: "withholds small groups from everybody",
    "adoption/services/metric_filling.py": "writes values, and compares them with what is stored",
    "adoption/services/metric_events.py": "takes rows that a fill wrote, and asks the reader",
    "adoption/models/metric_values.py": "the table itself",
    "adoption/models/__init__.py": "names the models",
    "adoption/models/snapshots.py": "points at the values that a snapshot holds",
}
OTHER_WAYS = re.compile(
    r"\bMetricValue\b|\bversion\.values\.|metric_?version\.values\.|adoption_metricvalue\b"
    r"|prefetch_related\([^)]*[\"']values[\"']"
)
# Words that look alike: the guards of the table, constraints, the tables and forms of pages.
NOT_A_READING = re.compile(
    r"\"adoption\.MetricValue\"|class MetricValue\w+|MetricValue(s|Table|Ser)"
)


def other_ways_in(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{number} {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OTHER_WAYS.search(line) and not NOT_A_READING.search(line)
    ]


def test_nothing_reads_metric_values_but_the_one_selector() -> None:
    product = [path for path in tree.source_files() if tree.relative(path) not in MAY_USE_THE_TABLE]
    assert other_ways_in(product) == []
    assert other_ways_in([tree.REPOSITORY / READER])


@pytest.mark.parametrize(
    "line",
    [
        "from adoption.models import MetricValue, Team",
        "rows = MetricValue.objects.all()",
        "rows = version.values.filter(scope_id=1)",
        "cursor.execute('SELECT value_nano FROM adoption_metricvalue')",
        "MetricVersion.objects.prefetch_related('values')",
    ],
)
def test_another_way_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "view.py").write_text(line)
    assert len(other_ways_in([tmp_path / "view.py"])) == 1
