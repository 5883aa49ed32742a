"""Any sequence of imports ends where a plain Python model ends, and each counts what it counts.

The model keeps a multiset of rows for each slice and replaces those that an import names. Of two
multisets the smallest difference is taken: what is in both is unchanged; what is left is paired
by identity as updates, the rest inserted or withdrawn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import Charge, Restatement
from portal.choices import RunStatus
from portal.models import Connection
from tests.billing.services.charges import assert_books_balance
from tests.imports import Clock, counts, line, make_connection, run_import
from tests.plugins.sweeping import examples

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]

PERIODS = {
    "May": ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"),
    "June": ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
}


@dataclass(frozen=True, order=True)
class Row:
    """One cost line in the model's terms."""

    account: str
    period: str
    day: int
    service: str
    cost: str

    @property
    def slice(self) -> tuple[str, str, int]:
        return (self.account, self.period, self.day)

    def as_focus(self) -> dict[str, str]:
        start, end = PERIODS[self.period]
        return line(
            self.day,
            self.cost,
            BillingAccountId=f"{self.account}-{Connection.objects.count()}",
            BillingPeriodStart=start,
            BillingPeriodEnd=end,
            ServiceName=self.service,
        )


Slice = Counter[Row]
State = dict[tuple[str, str, int], Slice]
ROWS = st.builds(
    Row,
    account=st.sampled_from(["a", "b"]),
    period=st.sampled_from(sorted(PERIODS)),
    day=st.integers(1, 3),
    service=st.sampled_from(["S", "T"]),
    cost=st.sampled_from(["1", "2", "-0.0000000015", "0.0000000005"]),
)
FILES = st.lists(ROWS, min_size=1, max_size=12)


def identity(row: Row) -> tuple[str, ...]:
    return (row.account, row.period, str(row.day), row.service)


def apply_to_model(state: State, rows: list[Row]) -> Counter[str]:
    """Replace the slices that `rows` name; returns the counts of the ledger."""
    told: Counter[str] = Counter(read=len(rows))
    incoming: State = defaultdict(Counter)
    for row in rows:
        incoming[row.slice][row] += 1
    for key, new in incoming.items():
        old = state.get(key, Counter())
        told["unchanged"] += (new & old).total()
        added, gone = (
            Counter(map(identity, (new - old).elements())),
            Counter(map(identity, (old - new).elements())),
        )
        told["updated"] += (added & gone).total()
        told["inserted"] += (added - gone).total()
        told["superseded"] += (gone - added).total()
        state[key] = new
    return +told


def stored_rows(connected: Connection) -> Counter[tuple[str, str, int, str, int]]:
    fields = ("slice__billing_account_id", "slice__billing_period_start", "day")
    rows = Charge.objects.filter(
        slice__connection=connected, superseded_at__isnull=True
    ).values_list(*fields, "dimension__service_name", "billed_nano")
    return Counter(
        (account.partition("-")[0], {5: "May", 6: "June"}[period.month], day.day, service, nano)
        for account, period, day, service, nano in rows
    )


def model_rows(state: State) -> Counter[tuple[str, str, int, str, int]]:
    found: Counter[tuple[str, str, int, str, int]] = Counter()
    for rows in state.values():
        for row, number in rows.items():
            nano = int((Decimal(row.cost) * 10**9).to_integral_value())  # half-even, as at import
            found[row.account, row.period, row.day, row.service, nano] += number
    return found


@settings(max_examples=examples(5))
@given(files=st.lists(FILES, min_size=1, max_size=5))
def test_any_sequence_of_imports_ends_where_the_model_ends(files: list[list[Row]]) -> None:
    connected = make_connection(f"c{Connection.objects.count()}")
    clock = Clock()
    state: State = {}
    restated = 0
    for rows in files:
        before = {key: Counter(value) for key, value in state.items()}
        told = apply_to_model(state, rows)
        run = run_import(connected, [row.as_focus() for row in rows], clock=clock)
        assert run.status == RunStatus.APPLIED, run.problem or run.held_reason
        assert Counter(counts(run)) == told
        assert Decimal(run.totals_in["USD"]["billed"]) == sum(Decimal(row.cost) for row in rows)
        restated += sum(before[key] != state[key] for key in before)
        assert Restatement.objects.filter(slice__connection=connected).count() == restated
        assert stored_rows(connected) == model_rows(state)
    assert_books_balance()
