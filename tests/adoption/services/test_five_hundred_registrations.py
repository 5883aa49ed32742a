"""Five hundred registered effects judged again: how long it takes, and how much memory."""

from __future__ import annotations

import resource
import time

import pytest

from adoption.models import ImpactRegistration
from adoption.services.impact_verdicts import (
    ask_for_evaluations,
    due_registrations,
    evaluate_registration,
)
from portal.models import WorkItem
from tests.adoption.factories import make_programme, make_team
from tests.adoption.impact import CLOSED, piloted, register, weekly_metric
from tests.plugins.proofs import Figures


@pytest.mark.django_db
@pytest.mark.prove("five hundred registered effects judged again", engine="sqlite")
def test_five_hundred_use_cases_are_judged_again(figures: Figures) -> None:
    number = figures.scaled(500)
    with weekly_metric() as metric:
        metric.set([7, 9, 8], [9, 10, 8])
        programme, team = make_programme(), make_team()
        for _ in range(number):
            register(piloted(programme=programme, team=team))
        assert ImpactRegistration.objects.count() == number
        assert ask_for_evaluations(at=CLOSED) == number
        assert WorkItem.objects.count() == number
        for is_new in (True, False):
            began = time.perf_counter()
            for pk in due_registrations(at=CLOSED):
                assert evaluate_registration(registration_id=pk, at=CLOSED).is_new is is_new
            took = time.perf_counter() - began
            what = "judged" if is_new else "looked at again without restated data"
            figures(f"seconds, {number} {what}", round(took, 1), 600, at_most=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures("largest memory of the process, MiB", memory, 1024, at_most=True)
