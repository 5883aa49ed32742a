"""The longest files first, so that at the end no process works on alone.

How long a file takes on an engine is in `tests/durations.json`; `--note-durations` writes it anew
from a run (seconds; files below one second are left out). A file that is not in it is weighed by
its number of tests. The order of tests inside a file, and that of short files, stays random.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

NOTED = Path(__file__).resolve().parent.parent / "durations.json"
USUAL_SECONDS = 0.1  # of one test
SHORT_SECONDS = 1.0  # a file below this is not worth an order
_taken: defaultdict[str, float] = defaultdict(float)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plumbline")
    group.addoption(
        "--note-durations", action="store_true", help="write how long files took, for their order"
    )


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # else files are ordered by their number of tests


def _engine(config: pytest.Config) -> str:
    return str(config.getoption("--db", None) or "sqlite")


def noted(engine: str) -> dict[str, float]:
    """Seconds by file, as the last noted run on this engine took them."""
    found: dict[str, float] = json.loads(NOTED.read_text()).get(engine, {})
    return found


def longest_first(files: Iterable[str], known: dict[str, float]) -> Callable[[str], float]:
    """A key that sorts files; each is named once for every test it has."""
    seconds = {
        name: known.get(name, count * USUAL_SECONDS) for name, count in Counter(files).items()
    }
    return lambda name: -seconds[name] if seconds[name] >= SHORT_SECONDS else 0.0


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Processes are handed the files in the order in which the tests were collected."""
    key = longest_first(map(_file, items), noted(_engine(config)))
    items.sort(key=lambda item: key(_file(item)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _taken[report.nodeid.partition("::")[0]] += report.duration


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(config: pytest.Config) -> None:
    """Only the process that is told of all tests comes here."""
    if not config.getoption("--note-durations"):
        return
    document = json.loads(NOTED.read_text())
    document[_engine(config)] = {
        name: round(seconds, 1)
        for name, seconds in sorted(_taken.items())
        if seconds >= SHORT_SECONDS
    }
    NOTED.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
