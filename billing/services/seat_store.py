"""The store of subscriptions: what is said of a subscription's period replaces all of it."""

from __future__ import annotations

from billing.models import ChargeSlice
from billing.services.charge_store import ChargeStore
from billing.services.staged_slices import StagedSlice


class SeatStore(ChargeStore):
    """A charge store whose unit of replacement is a period of a subscription, not a day.

    A corrected row may bill on another day, or pay for fewer days. Days that it no longer names
    are emptied by it, or the same purchase would stand twice. This is no hole in an input, as it
    would be in a bill of usage, so it is not held; the brake on jumps still looks.
    """

    def _match_stored_slices(self) -> list[ChargeSlice]:
        emptied = super()._match_stored_slices()
        named = {key[:2] for key in self.slices}
        stored = ChargeSlice.objects.filter(
            connection_id=self.run.connection_id,
            billing_account_id__in={account for account, _ in named},
            rows__gt=0,
        )
        for known in stored.order_by("day"):
            key = (known.billing_account_id, known.billing_period_start, known.day)
            if key[:2] in named and key not in self.slices and self.window.contains(known.day):
                self.slices[key] = StagedSlice(len(self.slices), known.currency, stored=known)
        return emptied
