"""Figures of proofs: recorded by tests, held against their targets, left for `tests.prove`.

A test takes the fixture `figures`; `tests/prove/README.md` says how. In the default suite it does
the same with a fixed seed and prints nothing.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

import pytest
from tqdm import tqdm

T = TypeVar("T")
DEFAULT_SEED = 20261120
PROGRESS_VARIABLE = "PLUMBLINE_PROOF_PROGRESS"  # number of a descriptor that pytest cannot capture
_COLLECTED = pytest.StashKey["Figures"]()
_ENDED = pytest.StashKey[dict[str, "Ended"]]()


@dataclass(frozen=True)
class Figure:
    """One figure: what was counted, how far it came, and what it must at least (or most) be.

    `is_level` says that it was measured, not counted: those of several runs are never added up.
    """

    name: str
    value: float
    target: float
    is_ceiling: bool = False
    is_level: bool = False

    @property
    def holds(self) -> bool:
        return self.value <= self.target if self.is_ceiling else self.value >= self.target

    def told(self) -> str:
        bound = "at most" if self.is_ceiling else "at least"
        return f"{self.name}: {self.value:,} ({bound} {self.target:,} expected)"


@dataclass
class Ended:
    """How one proof ended, as `tests.prove` reads it.

    `adds_up` says that runs with other seeds show more of the same (`tests/prove/kept.py`).
    """

    proof: str
    test: str
    engine: str
    seed: int
    scale: float
    adds_up: bool = False
    outcome: str = "failed"
    seconds: float = 0.0
    problem: str = ""
    figures: list[dict[str, Any]] = field(default_factory=list)
    bad_states: int = 0
    bad_described: list[str] = field(default_factory=list)


class Figures:
    """Collects the figures of one test. Call it to record one: `figures("kills", 1043, 1000)`.

    Attributes:
        seed: all chance in a proof comes from it, so that a failure can be run again.
        scale: what `prove --scale` asked for; 1 otherwise.
        random: a generator from the seed.
    """

    def __init__(self, seed: int, scale: float, progress: TextIO | None) -> None:
        self.seed = seed
        self.scale = scale
        self.random = random.Random(seed)  # noqa: S311  (moments and orders, no secrets)
        self.recorded: list[Figure] = []
        self.bad_states: list[str] = []
        self._progress = progress

    def __call__(
        self, name: str, value: float, target: float, *, at_most: bool = False, level: bool = False
    ) -> None:
        """Record a figure. The test fails when it ends below its target (above, with `at_most`)."""
        self.recorded.append(Figure(name, value, target, at_most, level))

    def bad(self, described: str) -> None:
        """Record one bad state. The test goes on, so that all are seen, and fails at its end."""
        self.bad_states.append(described)

    def scaled(self, number: int) -> int:
        """The number times `--scale`, at least 1; use it for the work and for its target."""
        return max(1, round(number * self.scale))

    def progress(self, steps: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """The steps, with a progress bar on the terminal that runs the proofs."""
        yield from tqdm(
            steps,
            desc=what,
            total=total,
            file=self._progress,
            disable=self._progress is None,
            leave=False,
            dynamic_ncols=True,
        )

    def problems(self) -> list[str]:
        """Figures that miss their target, and the bad states."""
        missed = [figure.told() for figure in self.recorded if not figure.holds]
        return missed + [f"bad state: {each}" for each in self.bad_states]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plumbline proofs")
    group.addoption("--proof", action="append", help="only proofs whose name contains this")
    group.addoption("--proof-seed", type=int, default=DEFAULT_SEED, help="seed of all chance")
    group.addoption("--proof-scale", type=float, default=1.0, help="multiplies the work of proofs")
    group.addoption("--proofs-file", help="append what each proof reached, one JSON object a line")


def proof_name(item: pytest.Item) -> str:
    """The name that the marker gives, or the test's own in words, with its parameters."""
    marker = item.get_closest_marker("prove")
    if marker and marker.args:
        brackets = item.name.partition("[")[2].rstrip("]")
        return f"{marker.args[0]} ({brackets})" if brackets else str(marker.args[0])
    return item.name.removeprefix("test_").replace("_", " ").replace("[", " (").replace("]", ")")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out proofs of the other engine, and those that nobody named."""
    engine = config.getoption("--db", None) or "sqlite"
    wanted = [name.lower() for name in config.getoption("--proof") or []]

    def is_wanted(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("prove")
        if marker and marker.kwargs.get("engine", engine) != engine:
            return False
        text = f"{proof_name(item)} {item.nodeid}".lower()
        return not wanted or any(name in text for name in wanted)

    kept = [item for item in items if is_wanted(item)]
    if len(kept) < len(items):
        left_out = set(items) - set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = kept


def _progress_stream() -> TextIO | None:
    number = os.environ.get(PROGRESS_VARIABLE)
    return os.fdopen(int(number), "w", closefd=False) if number else None


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Collects the figures of this test; see `tests/prove/README.md`."""
    config = request.config
    found = Figures(
        config.getoption("--proof-seed"), config.getoption("--proof-scale"), _progress_stream()
    )
    request.node.stash[_COLLECTED] = found
    return found


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """After the test's own assertions: a missed target or a bad state fails it."""
    result = yield
    collected = pyfuncitem.stash.get(_COLLECTED, None)
    if collected is not None and (problems := collected.problems()):
        shown = "\n".join(problems[:20])
        more = len(problems) - 20
        shown += f"\nand {more} more" if more > 0 else ""
        pytest.fail(f"{shown}\nseed {collected.seed}, scale {collected.scale:g}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Say which proof runs, and leave what it reached."""
    target = item.config.getoption("--proofs-file")
    marker = item.get_closest_marker("prove")
    if not target or marker is None:
        return (yield)
    shown = os.environ.get(PROGRESS_VARIABLE)
    ended = Ended(
        proof=proof_name(item),
        test=item.nodeid,
        engine=item.config.getoption("--db", None) or "sqlite",
        seed=item.config.getoption("--proof-seed"),
        scale=item.config.getoption("--proof-scale"),
        adds_up=bool(marker.kwargs.get("adds_up", False)),
    )
    item.config.stash.setdefault(_ENDED, {})[item.nodeid] = ended
    _tell(shown, f"{ended.engine}: {ended.proof} …")
    began = time.monotonic()
    result = yield
    ended.seconds = round(time.monotonic() - began, 1)
    collected = item.stash.get(_COLLECTED, None)
    if collected is not None:
        ended.figures = [{**asdict(each), "holds": each.holds} for each in collected.recorded]
        ended.bad_states = len(collected.bad_states)
        ended.bad_described = collected.bad_states[:20]
    with Path(target).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(ended)) + "\n")
    _tell(shown, f"{ended.engine}: {ended.proof}: {ended.outcome} in {ended.seconds:,} s")
    return result


def _tell(descriptor: str | None, message: str) -> None:
    if descriptor:
        os.write(int(descriptor), f"{message}\n".encode())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    ended = item.config.stash.get(_ENDED, {}).get(item.nodeid)
    if ended is not None:
        if report.skipped:
            ended.outcome = "skipped"
            ended.problem = str(call.excinfo.value) if call.excinfo else ""
        elif report.failed:
            ended.outcome = "failed"
            ended.problem = ended.problem or report.longreprtext[-4000:]
        elif report.when == "call":
            ended.outcome = "held"
    return report
