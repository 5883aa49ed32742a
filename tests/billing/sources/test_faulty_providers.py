"""Whatever a provider does, what is stored is the truth, or nothing has changed (rows 39 to 41)."""

from __future__ import annotations

import random
from datetime import date

import pytest
from django.db import transaction

from portal.choices import RunStatus
from portal.models import Connection, ImportRun
from tests.billing.services.charges import assert_books_balance, fingerprint
from tests.billing.sources.fake_provider import (
    ANSWER_FAULTS,
    DAY,
    PAGE_FAULTS,
    FakeProvider,
    served,
    some_spend,
    spend_of_day,
)
from tests.billing.sources.fetched import allow_loopback, connect, fetch_days, stored, truth
from tests.billing.sources.providers import PROVIDERS, Provided
from tests.billing.sweeps import swept
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
FIRST, DAYS = date(2026, 9, 28), 6  # over the end of a month
LAST = FIRST + DAYS * DAY


def everything_at(chance: float, provided: Provided) -> dict[str, float]:
    """Every fault that this report can show, equally likely."""
    faults = (*ANSWER_FAULTS, *PAGE_FAULTS)
    return {name: chance for name in faults if name not in provided.lies}


def play(provided: Provided, provider: FakeProvider, address: str, rounds: int) -> None:
    """Fetch again and again while the provider restates; at last it behaves."""
    connection = connect(provided, address)
    for number in range(rounds):
        _restate(provider, connection)
        before, mark = stored(connection), fingerprint()
        run = fetch_days(connection, FIRST, LAST)
        if isinstance(run, ImportRun) and run.status == RunStatus.APPLIED:
            assert stored(connection) == truth(provider.shape.spent), f"round {number}"
        else:
            assert (stored(connection), fingerprint()) == (before, mark), f"round {number}: {run}"
    provider.chances = {}
    run = fetch_days(connection, FIRST, LAST)
    assert isinstance(run, ImportRun), run
    assert run.status == RunStatus.APPLIED, run.problem
    assert stored(connection) == truth(provider.shape.spent)
    assert_books_balance()


def _restate(provider: FakeProvider, connection: Connection) -> None:
    """The provider changes its mind about one day; never back to nothing, which is held."""
    day = FIRST + provider.chance.randrange(DAYS) * DAY
    others = [each for each in provider.shape.spent if each.day != day]
    fresh = spend_of_day(provider.chance, day)
    was = any(known == day for known, _ in stored(connection))
    if fresh or not was:
        provider.shape.spent = [*others, *fresh]


def provider_of(provided: Provided, seed: int, page_size: int = 3) -> FakeProvider:
    chance = random.Random(seed)  # noqa: S311  (faults, not secrets)
    shape = provided.make_shape()
    shape.spent = some_spend(chance, FIRST, DAYS)
    return provided.provider(shape, page_size, everything_at(0.012, provided), chance)


@pytest.mark.parametrize("rounds", sampled([1, 3], 1))
@pytest.mark.parametrize(
    "provided",
    # By default one report of each source.
    sampled(PROVIDERS, *{each.source: each for each in reversed(PROVIDERS)}.values()),
    ids=lambda each: each.name,
)
def test_what_is_stored_is_the_truth_or_nothing_has_changed(
    provided: Provided, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_loopback(monkeypatch)
    provider = provider_of(provided, seed=20)
    with served(provider) as address:
        play(provided, provider, address, rounds=rounds)
    assert provider.met


@pytest.mark.prove
@pytest.mark.both_engines
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("provided", PROVIDERS, ids=lambda each: each.name)
def test_the_same_for_long(provided: Provided, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)
    provider = provider_of(provided, seed, page_size=1 + seed % 7)
    provider.chances = everything_at(0.004 * (1 + seed % 5), provided)
    with served(provider) as address:
        play(provided, provider, address, rounds=15)


@pytest.mark.parametrize(
    ("fault", "is_survived"),
    [
        *((fault, True) for fault in ("busy_reset", "error_503", "truncated", "reordered")),
        *((fault, False) for fault in ("html", "duplicate_key", "lost")),
        *swept(
            *((fault, True) for fault in ("busy_seconds", "busy_date", "busy_milliseconds")),
            *((fault, True) for fault in ("busy_silent", "error_500", "torn", "slow")),
            *((fault, False) for fault in ("not_json", "loop", "no_cursor", "empty_day")),
        ),
    ],
)
def test_each_fault_alone(fault: str, is_survived: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = allow_loopback(monkeypatch)
    (provided,) = (each for each in PROVIDERS if each.name == "openai")
    provider = provider_of(provided, seed=5)
    provider.chances = {}
    with served(provider) as address:
        connection = connect(provided, address, with_usage=False)
        met = _once(provider, fault)
        run = fetch_days(connection, FIRST, LAST)
    assert met == [fault]
    if is_survived:
        assert isinstance(run, ImportRun), run
        assert stored(connection) == truth(provider.shape.spent)
    else:
        assert isinstance(run, str)
        assert not stored(connection)
    if fault == "busy_milliseconds":
        assert 1.5 <= slept[0] <= 1.65
    if fault == "busy_reset":
        assert 1.02 <= slept[0] <= 1.13


@pytest.mark.parametrize("fault", sampled(PAGE_FAULTS, "lost", "repeated"))
@pytest.mark.parametrize("provided", PROVIDERS, ids=lambda each: each.name)
def test_a_fault_of_the_pages_of_any_report_is_seen(
    provided: Provided, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each report of cost that is asked for, in the newest window and in an older one, for which
    fewer totals are there to compare. What is said to leave no trace must leave none."""
    allow_loopback(monkeypatch)
    wrong = []
    for days_later in (0, 10):
        undisturbed = provider_of(provided, seed=5)
        assert fetched_once(provided, undisturbed, "", "", days_later) == "the truth"
        for path in dict.fromkeys(path for path, _ in undisturbed.requests):
            found = fetched_once(provided, provider_of(provided, seed=5), fault, path, days_later)
            wrong += [(path, days_later)] if found == "wrong" else []
    assert bool(wrong) == (fault in provided.lies), wrong


def fetched_once(
    provided: Provided, provider: FakeProvider, fault: str, path: str, days_later: int
) -> str:
    """What is stored after one fetch in which a fault happened to a page of one report."""
    _once(provider, fault, path)
    before = transaction.savepoint()
    with served(provider) as address:
        only_costs = {"with_usage": False} if provided.source == "openai" else {}
        connection = connect(provided, address, **only_costs)
        run = fetch_days(connection, FIRST, LAST, days_later=days_later)
    found, told = stored(connection), truth(provider.shape.spent)
    transaction.savepoint_rollback(before)  # or the next connection brings the same money again
    if isinstance(run, ImportRun) and run.status == RunStatus.APPLIED:
        return "the truth" if found == told else "wrong"
    return "wrong" if found else "nothing"


def _once(provider: FakeProvider, fault: str, path: str = "") -> list[str]:
    """Let the fault happen the first time it can (with a path, to an answer of that address), and
    never again."""

    class Once(dict[str, float]):
        """Certain until it has happened."""

        def get(self, asked: str, default: float = 0) -> float:  # type: ignore[override]
            is_there = not path or (bool(provider.requests) and provider.requests[-1][0] == path)
            return float(asked == fault and not provider.met and is_there)

    provider.chances = Once()
    return provider.met
