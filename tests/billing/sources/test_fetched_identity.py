"""The same report, however it is paged, ordered, split or repeated, is the same rows and sums."""

from __future__ import annotations

import gzip
import random
from datetime import date

import pytest

from billing.models import Usage
from portal.choices import RunStatus
from portal.models import ImportRun
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.fake_provider import DAY, FakeProvider, some_spend
from tests.billing.sources.fetched import connect, import_pages, spooled, stored, total, truth
from tests.billing.sources.providers import CURSORED, Provided
from tests.billing.sweeps import sweep_both_engines
from tests.imports import counts
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
# By default one report of each source.
ONE_OF_EACH = sampled(CURSORED, *{each.source: each for each in CURSORED}.values())
FIRST, LAST = date(2026, 9, 27), date(2026, 10, 4)


@pytest.mark.both_engines
@pytest.mark.parametrize("provided", ONE_OF_EACH, ids=lambda each: each.name)
def test_every_packing_gives_the_same_rows(provided: Provided) -> None:
    chance = random.Random(11)  # noqa: S311  (an order, not a secret)
    shape = provided.make_shape()
    shape.spent = some_spend(chance, FIRST, (LAST - FIRST).days)
    connection = connect(provided)

    def pages(size: int) -> list[bytes]:
        return spooled(connection, FakeProvider(shape, size), FIRST, LAST)

    def again(*files: list[bytes]) -> None:
        run = import_pages(connection, *files, window=(FIRST, LAST))
        assert run.status == RunStatus.APPLIED, run.problem
        assert counts(run) == {"read": first.read, "unchanged": first.read}
        assert run.totals_in == first.totals_in

    whole = pages(1000)
    first = import_pages(connection, whole, window=(FIRST, LAST))
    assert first.status == RunStatus.APPLIED, first.problem
    assert stored(connection) == truth(shape.spent)
    assert first.totals_in["USD"]["billed"] == format(total(shape.spent).normalize(), "f")
    small = pages(1)
    again(small)
    again(whole, whole)  # the same file twice in one input
    chance.shuffle(small)
    again(small)
    again(small[::2], small[1::2])
    again([gzip.compress(b"".join(whole))])
    assert_books_balance()
    _assert_usage(connection.pk)
    assert ImportRun.objects.filter(connection=connection).count() == 6


def _assert_usage(connection_id: int) -> None:
    rows = Usage.objects.filter(slice__connection=connection_id)
    assert rows.exists()
    assert not rows.filter(superseded_at__isnull=False).exists()


@pytest.mark.parametrize("provided", ONE_OF_EACH, ids=lambda each: each.name)
def test_windows_may_come_in_any_order_and_overlap(provided: Provided) -> None:
    chance = random.Random(3)  # noqa: S311  (an order, not a secret)
    shape = provided.make_shape()
    shape.spent = some_spend(chance, FIRST, (LAST - FIRST).days)
    provider = FakeProvider(shape, 1000)
    connection = connect(provided)
    windows = [(FIRST, FIRST + 3 * DAY), (FIRST + 2 * DAY, LAST - DAY), (LAST - 2 * DAY, LAST)]
    for start, end in (*windows[::-1], windows[1]):
        run = import_pages(
            connection, spooled(connection, provider, start, end), window=(start, end)
        )
        assert run.status == RunStatus.APPLIED, run.problem
    assert stored(connection) == truth(shape.spent)
    assert not ImportRun.objects.filter(connection=connection, superseded__gt=0).exists()


@sweep_both_engines
def test_days_on_which_nothing_was_spent_are_taken_as_that() -> None:
    (provided,) = (each for each in CURSORED if each.name == "openai")
    connection = connect(provided)
    nothing = spooled(connection, FakeProvider(provided.make_shape()), FIRST, LAST)
    run = import_pages(connection, nothing, window=(FIRST, LAST))
    assert (run.status, run.read) == (RunStatus.APPLIED, 0)
    assert ["nothing_there", "The report has no rows for these days."] in run.notes
    empty = [line for line in nothing if b'"projects"' in line]
    assert import_pages(connection, empty).status == RunStatus.REFUSED
