"""Random tampering is found, and the first bad record is named."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection, transaction

from portal.audit import seal as sealing
from portal.audit import verify as verifying
from portal.audit.triggers import remove
from portal.services.audit import seal_audit, verify
from tests.plugins.proofs import Figures
from tests.portal.audit.tampering import assert_whole, tamper

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)
SEED = 20261102


class _Undo(Exception):
    """Leaves a block with everything put back."""


def prepare(write_events: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "EVENTS_PER_SEAL", 16)
    # The forger takes the triggers away; that alone would be found each time.
    monkeypatch.setattr(verifying, "altered_triggers", lambda connection: [])
    write_events(40)
    with suppress(_Undo), transaction.atomic():  # leaves a gap in the ids on PostgreSQL
        write_events(3)
        raise _Undo
    write_events(30)
    seal_audit(at=AT)
    assert_whole(verify())


def run(rounds: int, source: random.Random) -> list[str]:
    with transaction.atomic():
        remove(connection)
        missed = tamper(source, rounds)
        transaction.set_rollback(True)
    assert_whole(verify())
    return missed


def test_a_hundred_random_tampers_are_found(
    heads_dir: Path, write_events: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(write_events, monkeypatch)
    assert run(110, random.Random(SEED)) == []  # noqa: S311  (a sample, no secret)


@pytest.mark.prove("Audit tampering", adds_up=True)
def test_ten_thousand_random_tampers_are_found(
    heads_dir: Path,
    write_events: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    figures: Figures,
) -> None:
    prepare(write_events, monkeypatch)
    rounds = figures.scaled(10_000)
    missed = run(rounds, figures.random)
    for each in missed:
        figures.bad(each)
    figures("tamperings found, the first bad record named", rounds - len(missed), rounds)
