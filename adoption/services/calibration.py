"""Keeping what simulations said about the methods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from importlib.metadata import version

from django.db import transaction

from adoption.models import CalibrationRun
from adoption.validation.calibration import Tally
from adoption.validation.documents import LIBRARIES


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
