"""SIGKILL at every database send and every change of a file: nothing is lost, doubled or stuck.

strace kills the victim as it enters its k-th call, for every k that an undisturbed run has. After
each kill the books must balance; then the sweeper finishes what was begun and the same is acted
again, which must end as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugins.proofs import Figures
from tests.reliability.kills.driver import (
    KILLED,
    Actor,
    Databases,
    Stage,
    described,
    on_files,
    require_strace,
    spread,
)
from tests.reliability.kills.scenarios import SCENARIOS

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
MakeStage = Callable[..., Stage]
ERRORS = ("error=EIO", "error=ENOSPC")


@pytest.fixture
def make_stage(engine: str, tmp_path: Path, transactional_db: None) -> Iterator[MakeStage]:
    require_strace()
    databases = Databases(engine, tmp_path / "kills")
    actor = Actor(tmp_path)

    def make(scenario: str, *, without: str | None = None) -> Stage:
        return Stage(databases, actor, scenario, without=without)

    yield make
    actor.stop()
    databases.close()


def test_a_restatement_killed_at_six_points(make_stage: MakeStage) -> None:
    stage = make_stage("restatement")
    found = [stage.fault(point) for point in spread(stage.points, 6)]
    assert described(found, stage.scenario) == []
    assert all(each.signal == KILLED for each in found)
    # A kill that never came would also leave a good state behind: it is not taken for one.
    beyond = stage.points[-1]._replace(number=10_000)
    assert stage.fault(beyond).problems == ["was not killed: signal 0, code 0"]


def test_without_transactions_the_same_kills_are_found_out(make_stage: MakeStage) -> None:
    stage = make_stage("restatement", without="transactions")
    # Most of an import is before and after it; a sample of all would meet it by luck alone.
    for point in spread(stage.writing, 12) or spread(stage.points, 24)[4:]:
        found = stage.fault(point)
        assert found.signal == KILLED
        if found.problems:
            return
    pytest.fail("the harness sees nothing in an importer that commits each statement")


def test_input_and_output_errors_end_in_an_error_and_are_mended(make_stage: MakeStage) -> None:
    stage = make_stage("first import")
    points = spread(on_files(stage.points), 4)
    found = [stage.fault(point, ERRORS[n % 2]) for n, point in enumerate(points)]
    assert described(found, stage.scenario) == []


@pytest.mark.prove("SIGKILL at every database send and file change")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_killed_at_every_call(
    make_stage: MakeStage, figures: Figures, scenario: str
) -> None:
    stage = make_stage(scenario)
    points = spread(stage.points, figures.scaled(len(stage.points)))
    found = [stage.fault(point) for point in figures.progress(points, scenario)]
    for each in described(found, scenario):
        figures.bad(each)
    figures("kill points", len([each for each in found if each.signal == KILLED]), len(points))


@pytest.mark.prove("Input, output and full-disk errors")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_with_errors(make_stage: MakeStage, figures: Figures, scenario: str) -> None:
    stage = make_stage(scenario)
    points = spread(on_files(stage.points), figures.scaled(20))
    found = [
        stage.fault(point, ERRORS[number % 2])
        for number, point in enumerate(figures.progress(points, scenario))
    ]
    for each in described(found, scenario):
        figures.bad(each)
    figures("failed calls", len(found), len(points))


@pytest.mark.prove("The same kills of an importer without transactions are found out")
def test_many_kills_without_transactions(make_stage: MakeStage, figures: Figures) -> None:
    stage = make_stage("restatement", without="transactions")
    points = spread(stage.points, figures.scaled(40))
    found = [stage.fault(point) for point in figures.progress(points, "without transactions")]
    figures("bad states found", len([each for each in found if each.problems]), 1)
