"""Cost lines held against the provider's own total of the billing period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from billing.models import ChargeSlice
from billing.services.charge_store import ChargeStore
from billing.services.cost_store import CostStore
from billing.sources.records import ControlTotal
from portal.choices import RunStatus
from portal.imports.contracts import Note
from portal.imports.registry import Plan
from portal.models import ImportRun
from portal.shell.money import EXACT, decimal_text, from_nano, to_nano

CENT = Decimal("0.01")  # what rounding may come to


class ControlledStore(CostStore):
    """A `CostStore` whose source also says what the sum should be.

    A difference is said on the run. Beyond the bound the run waits for a person, provided that the
    whole period has been imported: a connection that starts in the middle of one falls short by
    nature. The total itself is never stored as cost.
    """

    def __init__(self, run: ImportRun) -> None:
        super().__init__(run)
        self.run = run
        self._controls: list[ControlTotal] = []

    def stage(self, records: Sequence[Any]) -> int:
        self._controls += [record for record in records if isinstance(record, ControlTotal)]
        return super().stage([each for each in records if not isinstance(each, ControlTotal)])

    def plan(self) -> Plan:
        plan = super().plan()
        for control in self._controls:
            self._compare(control, plan)
        return plan

    def _compare(self, control: ControlTotal, plan: Plan) -> None:
        found = from_nano(_sum_of_period(self._charges, control))
        expected = from_nano(to_nano(control.expected))  # a sum of binary floats ends in noise
        difference = EXACT.subtract(expected, found)
        plan.facts.setdefault("controls", []).append(
            {
                "name": control.name,
                "period": control.billing_period_start.date().isoformat(),
                "currency": control.currency,
                "expected": decimal_text(expected),
                "found": decimal_text(found),
                "difference": decimal_text(difference),
            }
        )
        if abs(difference) <= CENT:
            return
        sentence = (
            f"{control.name} since {control.billing_period_start.date()} is "
            f"{decimal_text(expected)} {control.currency}; the cost lines come to "
            f"{decimal_text(found)}, a difference of {decimal_text(difference)}."
        )
        if not self._covers(control.billing_period_start.astimezone(UTC).date()):
            sentence += " Days since then have not been imported, so it says nothing yet."
        elif abs(difference) > control.bound and not (difference < 0 and control.may_fall_short):
            plan.hold_reasons.append(sentence)
            return
        plan.notes.append(Note("control_total", sentence))

    def _covers(self, first: date) -> bool:
        """Whether every day from `first` on has been fetched, up to the end of this run's window.

        What a person uploads says nothing about the days that it leaves out.
        """
        last = self.run.window_end
        if self.run.window_start is None or last is None:
            return False
        applied = ImportRun.objects.filter(
            connection_id=self.run.connection_id, status=RunStatus.APPLIED
        ).values_list("window_start", "window_end")
        fetched = [(start, end) for start, end in applied if start is not None and end is not None]
        reach = first
        for start, end in sorted([*fetched, (self.run.window_start, last)]):
            if start > reach:
                break
            reach = max(reach, end)
        return reach >= last


def _sum_of_period(charges: ChargeStore, control: ControlTotal) -> int:
    """Nano-units of the period's lines as they would be after this run."""
    period = control.billing_period_start.astimezone(UTC).date()
    key = (control.billing_account_id, period)
    staged: int = sum(
        getattr(part, control.measure)
        for slice_key, part in charges.slices.items()
        if slice_key[:2] == key and part.currency == control.currency
    )
    stored = ChargeSlice.objects.filter(
        connection_id=charges.run.connection_id,
        billing_account_id=control.billing_account_id,
        billing_period_start=period,
        currency=control.currency,
    )
    staged_days = {slice_key[2] for slice_key in charges.slices if slice_key[:2] == key}
    kept: int = sum(
        getattr(part, f"{control.measure}_nano") for part in stored if part.day not in staged_days
    )
    return staged + kept
