"""An import that takes longer than background work may says so, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from billing.models import Charge
from billing.sources.focus.source import FocusSource
from portal.choices import RunStatus
from portal.imports.contracts import Batch
from portal.models import Connection
from tests.imports import line, run_import


@pytest.mark.django_db(transaction=True)
def test_a_run_over_the_time_limit_applies_nothing_and_names_the_remedy(
    cloud: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: FocusSource, *_: object) -> Iterator[Batch]:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(FocusSource, "read", read)
    run = run_import(cloud, [line()])

    assert run.status == RunStatus.FAILED
    assert "seconds that background work may take" in run.problem
    assert "Split the input" in run.problem
    assert not Charge.objects.exists()
