"""Holding the methods against simulations, a story a piece of work, and keeping what came out.

Roll-outs that never were cost minutes of a processor, so workers make them: once a month, since
libraries change, and whenever an operator runs `calibrate_intervals`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from importlib.metadata import version

from django.db import transaction

from adoption.models import CalibrationRun
from adoption.validation.calibration import Tally, calibrate, stories
from adoption.validation.documents import LIBRARIES
from adoption.validation.methods import Method
from portal.services.work import enqueue
from portal.work.registry import Work, WorkRefusedError

CALIBRATE = "adoption.calibrate-story"
MONTHLY_RUNS = 500


@transaction.atomic
def store_calibration(
    *, tallies: Iterable[Tally], seed: int, at: dt.datetime
) -> list[CalibrationRun]:
    """Store one run of all stories; earlier runs stay."""
    libraries = {name: version(name) for name in LIBRARIES}
    return CalibrationRun.objects.bulk_create(
        CalibrationRun(
            method=each.method,
            story=each.story,
            seed=seed,
            runs=each.runs,
            covered=each.covered,
            false_supported=each.false_supported,
            false_without_protocol=each.false_without_protocol,
            found=each.found if each.is_promised else None,
            libraries=libraries,
            made_at=at,
        )
        for each in tallies
    )


@transaction.atomic
def ask_for_calibration(
    *, runs: int, seed: int, at: dt.datetime, methods: Collection[Method] = tuple(Method)
) -> int:
    """One piece of work for each story of these methods; how many."""
    wanted = [story for story in stories() if story.method in methods]
    for story in wanted:
        what = {"method": story.method.value, "story": story.name}
        enqueue(
            kind=CALIBRATE,
            key=f"{story.method.value}: {story.name}",
            payload={**what, "runs": runs, "seed": seed},
            actor=None,
            at=at,
        )
    return len(wanted)


def run_calibration(work: Work) -> None:
    """Carry out the story that the work names, and keep what came out."""
    asked = work.payload
    named = [
        story
        for story in stories()
        if (story.method.value, story.name) == (asked["method"], asked["story"])
    ]
    if not named:
        raise WorkRefusedError(f"There is no story {asked['story']} of {asked['method']} any more.")
    tally = calibrate(
        named[0],
        runs=int(asked["runs"]),
        seed=int(asked["seed"]),
        told=lambda done, of: work.report(done, of, "Judging roll-outs that never were"),
    )
    with transaction.atomic():
        work.fence()
        store_calibration(tallies=[tally], seed=int(asked["seed"]), at=work.at)
