"""Which scopes are closed, and by which close; spellings of an issuer are one scope."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from billing.models import PeriodClose
from billing.selectors.line_status import by_then
from billing.selectors.reconciliation import CloseScope, Reconciliation, scope_of_invoice
from portal.shell.periods import Month


def scope_of_close(close: PeriodClose) -> CloseScope:
    """What a close is about, spelled as it was closed."""
    month = Month.of(close.month)
    return CloseScope(month, close.issuer, close.billing_account_id, close.currency)


def scope_of_request(payload: Mapping[str, Any]) -> CloseScope:
    """What a request for a close is about."""
    return CloseScope(
        Month.parse(payload["month"]), payload["issuer"], payload["account"], payload["currency"]
    )


class ClosedScopes:
    """Closes by their scope.

    Spellings of an issuer were scopes of their own once, so two closes may share one. Then an
    invoice belongs to the close that is spelled like it, any other to the older close.
    """

    def __init__(self, closes: Iterable[PeriodClose]) -> None:
        self._closes: dict[CloseScope, list[PeriodClose]] = {}
        for close in sorted(closes, key=lambda each: each.pk):
            self._closes.setdefault(scope_of_close(close), []).append(close)

    def all_of(self, scope: CloseScope) -> list[PeriodClose]:
        """The closes of a scope, oldest first; more than one only where spellings were apart."""
        return self._closes.get(scope, [])

    def of(self, scope: CloseScope) -> PeriodClose | None:
        """The close that an invoice of this scope belongs to; None while it is open."""
        closes = self.all_of(scope)
        same = (each for each in closes if each.issuer == scope.issuer)
        return next(same, closes[0] if closes else None)

    def part_of(self, found: Reconciliation, close: PeriodClose) -> Reconciliation:
        """The month with no other invoices than those that belong to a close."""
        own = [each for each in found.invoices if self.of(scope_of_invoice(each.invoice)) is close]
        return replace(found, invoices=own)


def closed_scopes(months: Collection[dt.date], *, until: dt.datetime | None = None) -> ClosedScopes:
    """The closes of billing months, by their first days, without the frozen figures. One query.

    Args:
        until: those that were closed by this moment; None is now.
    """
    rows = PeriodClose.objects.filter(by_then("closed_at", until), month__in=set(months))
    return ClosedScopes(rows.defer("figures"))
