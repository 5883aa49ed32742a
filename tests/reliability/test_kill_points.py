"""SIGKILL at every database send and every change of a file: nothing is lost, doubled or stuck.

strace kills the victim as it enters its k-th call, for every k that an undisturbed run has. After
each kill the books must balance; then the sweeper finishes what was begun and the same is acted
again, which must end as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled
from tests.reliability.kills.driver import (
    KILLED,
    Actor,
    Databases,
    Point,
    Stage,
    described,
    on_files,
    require_strace,
    spread,
)
from tests.reliability.kills.scenarios import SCENARIOS

pytestmark = pytest.mark.django_db(transaction=True)
MakeStage = Callable[..., Stage]
ERRORS = ("error=EIO", "error=ENOSPC")
FILLED_EVERY = 25  # kill points after which metrics are filled as well: five times the time of one


@pytest.fixture(scope="module")
def make_stage(
    engine: str, tmp_path_factory: pytest.TempPathFactory, django_db_setup: None
) -> Iterator[MakeStage]:
    """Each stage is prepared and counted once, whichever test asks first; none changes it."""
    require_strace()
    folder = tmp_path_factory.mktemp("kills")
    databases = Databases(engine, folder / "databases")
    actor = Actor(folder)

    @cache
    def make(scenario: str, **how: Any) -> Stage:
        return Stage(databases, actor, scenario, **how)

    yield make
    actor.stop()
    databases.close()


def from_the_midst(stage: Stage) -> list[Point]:
    """Points at which charges are written, the likeliest first: an import has much around them.

    SQLite's calls do not say what they write; those of charges come after a quarter of the pages,
    and what an import asks for follows them.
    """
    pages = [point for point in stage.points if point.call == "pwrite64"]
    points, likely = (spread(stage.writing, 12), 6) if stage.writing else (spread(pages, 24), 6)
    return sorted(points, key=lambda point: abs(points.index(point) - likely))


@pytest.mark.both_engines
@pytest.mark.parametrize("scenario", sampled(("first import", "restatement"), "first import"))
def test_an_import_killed_at_a_few_points(make_stage: MakeStage, scenario: str) -> None:
    """By default a first import in its midst; in a sweep a restatement at six points as well."""
    is_short = scenario == "first import"
    stage = make_stage(scenario, fills=not is_short)
    points = from_the_midst(stage)[:1] if is_short else spread(stage.points, 6)
    found = [stage.fault(point) for point in points]
    assert described(found, stage.scenario) == []
    assert all(each.signal == KILLED for each in found)
    # A kill that never came would also leave a good state behind: it is not taken for one.
    beyond = stage.points[-1]._replace(number=10_000)
    assert stage.fault(beyond).problems == ["was not killed: signal 0, code 0"]


@pytest.mark.both_engines
def test_without_transactions_the_same_kills_are_found_out(make_stage: MakeStage) -> None:
    stage = make_stage("restatement", without="transactions")
    for point in from_the_midst(stage)[:20]:
        found = stage.fault(point)
        assert found.signal == KILLED
        if found.problems:
            return
    pytest.fail("the harness sees nothing in an importer that commits each statement")


@pytest.mark.parametrize(
    "number", [2, pytest.param(4, marks=[pytest.mark.sweep, pytest.mark.both_engines])]
)
def test_input_and_output_errors_end_in_an_error_and_are_mended(
    make_stage: MakeStage, number: int
) -> None:
    stage = make_stage("first import", fills=number > 2)
    points = spread(on_files(stage.points), number)
    found = [stage.fault(point, ERRORS[n % 2]) for n, point in enumerate(points)]
    assert described(found, stage.scenario) == []


@pytest.mark.both_engines
@pytest.mark.prove("SIGKILL at every database send and file change")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_killed_at_every_call(
    make_stage: MakeStage, figures: Figures, scenario: str
) -> None:
    stage = make_stage(scenario)
    points = spread(stage.points, figures.scaled(len(stage.points)))
    found = [stage.fault(point) for point in figures.progress(points, scenario)]
    # What is filled later starts from the state that the digest has compared: a few show that.
    filled = make_stage(scenario, fills=True)
    few = spread(filled.points, max(1, len(points) // FILLED_EVERY))
    also = [filled.fault(point) for point in figures.progress(few, f"{scenario}, filled")]
    for each in described(found + also, scenario):
        figures.bad(each)
    figures("kill points", len([each for each in found if each.signal == KILLED]), len(points))
    again = len([each for each in also if each.signal == KILLED])
    figures("killed again, with metrics filled afterwards", again, len(few))


@pytest.mark.both_engines
@pytest.mark.prove("Input, output and full-disk errors")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_with_errors(make_stage: MakeStage, figures: Figures, scenario: str) -> None:
    stage = make_stage(scenario, fills=True)
    points = spread(on_files(stage.points), figures.scaled(20))
    found = [
        stage.fault(point, ERRORS[number % 2])
        for number, point in enumerate(figures.progress(points, scenario))
    ]
    for each in described(found, scenario):
        figures.bad(each)
    figures("failed calls", len(found), len(points))


@pytest.mark.both_engines
@pytest.mark.prove("The same kills of an importer without transactions are found out")
def test_many_kills_without_transactions(make_stage: MakeStage, figures: Figures) -> None:
    stage = make_stage("restatement", without="transactions")
    points = spread(stage.points, figures.scaled(40))
    found = [stage.fault(point) for point in figures.progress(points, "without transactions")]
    figures("bad states found", len([each for each in found if each.problems]), 1)
