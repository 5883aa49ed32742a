"""Many registered effects judged again by workers: progress, time and memory."""

from __future__ import annotations

import datetime as dt
import resource
import time

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import ImpactRegistration, ImpactVerdict
from adoption.selectors.impact_progress import judging
from adoption.services.impact_verdicts import EVALUATE, ask_for_evaluations
from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.work.runner import Outcome, execute_item
from tests.adoption.factories import make_programme, make_team, make_user
from tests.adoption.impact import CLOSED, piloted, register, weekly_metric
from tests.plugins.proofs import Figures


def registered(number: int) -> None:
    programme, team = make_programme(), make_team()
    for _ in range(number):
        register(piloted(programme=programme, team=team))


def worked(at: dt.datetime) -> list[float]:
    """Do what is queued as a worker does it; seconds of each piece."""
    seconds = []
    for pk in WorkItem.objects.filter(status=WorkStatus.QUEUED).values_list("pk", flat=True):
        began = time.perf_counter()
        assert execute_item(pk, clock=lambda: at) is Outcome.DONE
        seconds.append(time.perf_counter() - began)
    return seconds


@pytest.mark.django_db
@pytest.mark.both_engines
def test_progress_is_told_from_the_rows_and_survives_a_reload(client: Client) -> None:
    with weekly_metric() as metric:
        metric.set([7, 9, 8], [9, 10, 8])
        registered(3)
        assert judging(kind=EVALUATE, at=CLOSED) is None
        assert ask_for_evaluations(at=CLOSED) == 3
        first = WorkItem.objects.order_by("pk").values_list("pk", flat=True)[0]
        execute_item(first, clock=lambda: CLOSED)
        found = judging(kind=EVALUATE, at=CLOSED)
        assert found is not None
        assert (found.total, found.done, found.stopped, found.is_open) == (3, 1, 0, True)
        client.force_login(make_user())
        for _ in range(2):
            shown = client.get(reverse("verdict-list")).content.decode()
            assert "1 of 3 done" in shown
            assert reverse("verdict-progress") in shown
        worked(CLOSED)
        done = client.get(reverse("verdict-progress")).content.decode()
        assert "hx-get" not in done
        later = CLOSED + dt.timedelta(hours=2)
        assert judging(kind=EVALUATE, at=later) is None
        assert ImpactVerdict.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.prove("five hundred registered effects judged again", engine="sqlite")
def test_five_hundred_use_cases_are_judged_again(figures: Figures) -> None:
    number = figures.scaled(500)
    with weekly_metric() as metric:
        metric.set([7, 9, 8], [9, 10, 8])
        registered(number)
        assert ImpactRegistration.objects.count() == number
        told = ("judged", "looked at again without restated data", "judged again, data restated")
        for turn, what in enumerate(told):
            at = CLOSED + dt.timedelta(hours=turn)
            if turn == 2:
                metric.set([7, 9, 8], [9, 11, 8])
            assert ask_for_evaluations(at=at) == number
            seconds = worked(at)
            assert len(seconds) == number
            found = judging(kind=EVALUATE, at=at)
            assert found is not None
            assert (found.done, found.is_open) == (number, False)
            figures(f"seconds, {number} {what}", round(sum(seconds), 1), 600, at_most=True)
            usual = sorted(seconds)[int(0.95 * number) - 1]
            figures(f"seconds for one of them (95 in 100), {what}", round(usual, 3), 0.3,
                    at_most=True)  # fmt: skip
        assert ImpactVerdict.objects.count() == 2 * number
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures("largest memory of the process, MiB", memory, 1024, at_most=True)
