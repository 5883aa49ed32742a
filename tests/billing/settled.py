"""A month with an amount of every status, made through the services that everybody uses."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from adoption.models import UseCase
from billing.models import Charge, Invoice, PeriodClose
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import bill_line, close, make_invoice
from tests.billing.factories import give_all
from tests.imports import START, Clock, make_connection, run_import

_DAY = dt.timedelta(days=1)
LATER = START + dt.timedelta(days=60)  # what was calm is final by then
# The day of May 2026 on which each has its one line; the status of that line at LATER.
DAYS = {
    "closed": (3, "closed"),
    "moved": (4, "restated"),
    "calm": (5, "final"),
    "bare": (6, "provisional"),
    "revised": (7, "restated"),
    "guessed": (8, "estimated"),
}


@dataclass(frozen=True)
class Settled:
    """What was made: invoices by issuer, the closes, and whose all of the money is.

    `closed` and `moved` are closed; a line of `moved` was revised since. `calm` and `bare` have an
    invoice, `bare` the second version of one, with lines that carry no number. `revised` and
    `guessed` stand on none.
    """

    case: UseCase
    finance: User
    invoices: dict[str, Invoice]
    closes: dict[str, PeriodClose]

    def charge(self, name: str) -> Charge:
        """Its live line."""
        rows = Charge.objects.select_related("dimension", "slice", "file")
        return rows.get(slice__connection__slug=name, superseded_at__isnull=True)


def bill(name: str, cost: str, **changes: str) -> dict[str, str]:
    """The line of one of them."""
    said = {
        "BillingAccountId": f"account-{name}",
        "InvoiceIssuerName": f"{name.title()} Ltd",
        "InvoiceId": "" if name == "bare" else f"{name}-1",
    }
    return bill_line(DAYS[name][0], cost, **(said | changes))


def make_settled() -> Settled:
    """Make it at START; closed a day later, revised another day later."""
    case, finance = make_use_case(title="Answer drafts"), make_user(Role.FINANCE)
    give_all(case, value="triage")
    sources, clock = {}, Clock()
    for name in DAYS:
        basis: dict[str, Any] = {"cost_basis": "estimated"} if name == "guessed" else {}
        sources[name] = make_connection(name, **basis)
        run_import(sources[name], [bill(name, "10")], clock=clock)
    invoices = {name: invoice(name, "10", finance) for name in ("closed", "moved", "calm")}
    closes = {name: close(invoices[name], at=START + _DAY) for name in ("closed", "moved")}
    clock = Clock(START + 2 * _DAY)
    for name in ("moved", "revised"):
        run_import(sources[name], [bill(name, "11")], clock=clock)
    invoice("bare", "9", finance)
    invoices["bare"] = invoice("bare", "10", finance)
    return Settled(case, finance, invoices, closes)


def invoice(name: str, total: str, actor: User) -> Invoice:
    """The invoice of one of them."""
    return make_invoice(
        total, actor=actor, issuer=f"{name.title()} Ltd", number=f"{name}-1",
        billing_account_id=f"account-{name}",
    )  # fmt: skip
