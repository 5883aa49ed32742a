"""Storing exports that come a whole billing period at a time, and never an older one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from billing.models import ChargeSlice
from billing.services.charge_store import ChargeStore
from billing.sources.charge_columns import ChargeColumns
from billing.sources.records import ExportPart
from portal.choices import RunStatus
from portal.imports.registry import Plan
from portal.models import ImportRun


class ExportStore(ChargeStore):
    """A `ChargeStore` whose unit of replacement is the billing period of an export.

    A stored day of the period that is not in the export any more comes back empty, and is held
    like any other. What was applied is remembered in the run's facts below `exports`:
    `{"2026-09": {"made_at": …, "execution": …, "data_set": …}}`.
    """

    def __init__(self, run: ImportRun) -> None:
        super().__init__(run)
        self._parts: dict[date, ExportPart] = {}
        self._accounts: set[tuple[str, date]] = set()

    def stage(self, records: Sequence[Any]) -> int:
        """Take cost lines; the parts that announce them count as none."""
        if isinstance(records, ChargeColumns):
            return super().stage(records)
        charges = []
        for record in records:
            if isinstance(record, ExportPart):
                self._parts[record.period_start] = record
            else:
                charges.append(record)
        return super().stage(charges)

    def covers(self, known: ChargeSlice) -> bool:
        """Days of a delivered period, as far as the run's window lets rows of them in."""
        if not self._parts:
            return super().covers(known)
        place = (known.billing_account_id, known.billing_period_start)
        return place in self._accounts and self.window.contains(known.day)

    def _stored_slices(self) -> Iterable[ChargeSlice]:
        """Likewise of all days of the periods, those after the last that is left included."""
        periods = {period for _, period in self._accounts}
        of_connection = ChargeSlice.objects.filter(connection_id=self.run.connection_id)
        return {
            part.pk: part
            for found in (
                super()._stored_slices(),
                of_connection.filter(billing_period_start__in=periods) if periods else (),
            )
            for part in found
        }.values()

    def plan(self) -> Plan:
        """As `ChargeStore.plan`; a part that is older than what was applied is overtaken, and one
        of which nobody knows the age is held."""
        if self._parts:
            self._accounts = {(account, period) for account, period, _ in self.slices}
        plan = super().plan()
        if not self._parts:  # files that people brought: days that are not in them stay
            return plan
        plan.facts["exports"] = {
            _month(part): {
                "made_at": part.made_at,
                "execution": part.execution,
                "data_set": part.data_set,
            }
            for part in self._parts.values()
        }
        for part in self._parts.values():
            newer = self._applied_after(part)
            if newer is None:
                continue
            if part.made_at:
                plan.overtaken_by = plan.overtaken_by or newer
            else:
                plan.hold_reasons.append(
                    f"Nothing says when the export of {_month(part)} was made, and run {newer} "
                    "has applied one of that month before. It may be older."
                )
        return plan

    def _applied_after(self, part: ExportPart) -> int | None:
        """The newest run that applied a later delivery of this period; any dated one when the
        part has no time."""
        found = ImportRun.objects.filter(
            **{f"facts__exports__{_month(part)}__made_at__gt": part.made_at},
            connection_id=self.run.connection_id,
            status=RunStatus.APPLIED,
        )
        return found.order_by("-pk").values_list("pk", flat=True).first()


def _month(part: ExportPart) -> str:
    return f"{part.period_start:%Y-%m}"
