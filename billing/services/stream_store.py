"""The store of streams of estimates: what a day once held does not quietly become less."""

from __future__ import annotations

from billing.services.charge_store import ChargeStore
from billing.services.cost_store import CostStore
from portal.imports.registry import Plan
from portal.models import ImportRun
from portal.shell.money import nano_text
from portal.wording import counted


class _StreamCharges(ChargeStore):
    """Says which days would shrink."""

    def shrinking(self) -> list[str]:
        """One sentence for each day whose estimate would fall, oldest first."""
        return [
            f"{key[2]}: the estimate of {key[0]} would fall from "
            f"{nano_text(part.stored.billed_nano)} to {nano_text(part.billed)} {part.currency}."
            for key, part in sorted(self.slices.items(), key=lambda item: (item[0][2], item[0]))
            if part.stored is not None and part.billed < part.stored.billed_nano
        ]


class StreamStore(CostStore):
    """A cost store for sessions and telemetry, which arrive in pieces.

    An input replaces the days that it names, so it must hold them whole. Sessions only ever spend
    more: an input with less than is stored is a piece, and waits for a person.
    """

    def __init__(self, run: ImportRun) -> None:
        super().__init__(run)
        self._stream = self._charges = _StreamCharges(run)

    def plan(self) -> Plan:
        plan = super().plan()
        plan.hold_reasons.extend(self._stream.shrinking())
        if plan.superseded:
            lines = counted(plan.superseded, "line of these days is", "lines of these days are")
            plan.hold_reasons.append(f"{lines} not in this input, which must hold its days whole.")
        return plan
