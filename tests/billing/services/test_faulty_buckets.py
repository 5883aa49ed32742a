"""Whatever a bucket does, each month is one whole delivery, never an older one (rows 39 to 41)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.models import Charge
from tests.billing.services.charges import assert_books_balance, fingerprint
from tests.billing.sources.aws.exports import cur, export_objects
from tests.billing.sources.faulty_s3 import FAULTS, SURVIVED, FaultyS3, Once
from tests.billing.sources.fetched_files import connect, look, reach_buckets
from tests.imports import START, Clock
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
MONTHS = ("2026-08", "2026-09", "2026-10")
Lines = Counter[tuple[date, int]]  # day and billed nano-units


@dataclass
class Exports:
    """The truth: every delivery of each month, oldest first, and the bucket that they lie in.

    Attributes:
        keeps_earlier: whether each delivery has a folder of its own, or overwrites the last one.
    """

    bucket: FaultyS3
    keeps_earlier: bool
    at: datetime = START
    made: dict[str, list[Lines]] = field(default_factory=dict)

    def deliver(self, month: str) -> None:
        """One month is delivered anew: some lines more, and new amounts."""
        chance, self.at = self.bucket.chance, self.at + timedelta(hours=6)
        known = self.made.setdefault(month, [])
        days = sorted({day for day, _ in known[-1]}) if known else []
        days += [date.fromisoformat(f"{month}-{chance.randrange(1, 28):02}")]
        amounts = [Decimal(chance.randrange(1, 90_000_000)).scaleb(-6) for _ in days]
        known.append(
            Counter((day, int(each * 10**9)) for day, each in zip(days, amounts, strict=True))
        )
        rows = [_row(day, amount) for day, amount in zip(days, amounts, strict=True)]
        cut = chance.randrange(len(rows)) or 1
        number = len(known)
        execution = f"{self.at:%Y%m%dT%H%M%SZ}-e-{number}" if self.keeps_earlier else ""
        files = [part for part in (rows[:cut], rows[cut:]) if part]
        objects = export_objects(*files, period=month, execution=execution)
        if not self.keeps_earlier:  # the manifest names its execution, so it is another one
            objects = {
                key: value.replace(b'"e-1"', f'"e-{number}"'.encode())
                for key, value in objects.items()
            }
        self.bucket.deliver(objects, self.at)

    def newest(self) -> dict[str, Lines]:
        return {month: known[-1] for month, known in self.made.items()}

    def assert_moved_on(self, before: Mapping[str, Lines], after: Mapping[str, Lines]) -> None:
        """Each month is what it was, or a whole delivery that is not older."""
        for month in {*before, *after}:
            known = self.made[month]
            start = known.index(before[month]) if month in before else 0
            assert after.get(month) in known[start:], (month, self.bucket.met)


def _row(day: date, amount: Decimal) -> dict[str, str]:
    return cur(
        1,
        format(amount, "f"),
        bill_billing_period_start_date=f"{day:%Y-%m}-01T00:00:00Z",
        line_item_usage_start_date=f"{day}T10:00:00Z",
        line_item_usage_end_date=f"{day}T11:00:00Z",
    )


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    reach_buckets(monkeypatch)
    with FaultyS3(page_size=2) as fake:
        yield fake


def stored() -> dict[str, Lines]:
    found: dict[str, Lines] = {}
    live = Charge.objects.filter(superseded_at__isnull=True)
    for day, billed in live.values_list("day", "billed_nano"):
        found.setdefault(f"{day:%Y-%m}", Counter())[day, billed] += 1
    return found


def play(exports: Exports, *, rounds: int) -> None:
    """Deliver and fetch again and again; at last the bucket behaves."""
    bucket, clock = exports.bucket, Clock()
    connection = connect("aws", bucket, prefix="billing/cur-hourly")
    for month in MONTHS:
        exports.deliver(month)
    for _ in range(rounds):
        before, mark = stored(), fingerprint()
        look(connection, clock)
        exports.assert_moved_on(before, after := stored())
        assert after != before or fingerprint() == mark
        exports.deliver(bucket.chance.choice(MONTHS))
    bucket.chances = {}
    assert not look(connection, clock)
    assert stored() == exports.newest()
    assert not bucket.refused
    assert_books_balance()


@pytest.mark.parametrize(
    "keeps_earlier", sampled([True, False], False), ids=["kept", "overwritten"]
)
def test_each_month_is_a_whole_delivery_and_never_an_older_one(
    keeps_earlier: bool, bucket: FaultyS3
) -> None:
    bucket.chances = dict.fromkeys(FAULTS, 0.012)
    bucket.chance.seed(3)
    play(Exports(bucket, keeps_earlier), rounds=4)
    assert bucket.met


@pytest.mark.prove
@pytest.mark.both_engines
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("keeps_earlier", [True, False], ids=["kept", "overwritten"])
def test_the_same_for_long(keeps_earlier: bool, seed: int, bucket: FaultyS3) -> None:
    bucket.chances = dict.fromkeys(FAULTS, 0.002 * (1 + seed % 5))
    bucket.chance.seed(seed)
    bucket.page_size = 1 + seed % 4
    play(Exports(bucket, keeps_earlier), rounds=12)


# Nothing in a listing shows that keys are missing at its end: what was not seen comes later.
_UNSEEN = {"lost", "lost_key", "empty_day"}


@pytest.mark.parametrize(
    "fault", sampled(FAULTS, "busy_seconds", "truncated", "halved", "miscounted", "stale")
)
def test_each_fault_alone(fault: str, bucket: FaultyS3) -> None:
    exports = Exports(bucket, keeps_earlier=False)
    for month in MONTHS:
        exports.deliver(month)
        exports.deliver(month)
    bucket.chances = Once(bucket, fault)
    connection, clock = connect("aws", bucket, prefix="billing/cur-hourly"), Clock()
    problem = look(connection, clock)
    assert bucket.met == [fault]
    exports.assert_moved_on({}, stored())
    if fault in SURVIVED:
        assert (problem, stored()) == ("", exports.newest())
    elif fault not in _UNSEEN:
        assert problem
        assert stored() != exports.newest()
    assert not look(connection, clock)
    assert stored() == exports.newest()
    assert_books_balance()
