"""Seats that were bought, with the invoice beside them."""

from __future__ import annotations

from billing.models import Charge
from portal.models import Connection
from tests.billing.engine import bring

INVOICE = b"%PDF-1.7 an invoice for seats"
SHEET = (
    "subscription,provider,service,plan,seats,period_start,period_end,invoice_date,invoice_id,"
    "amount,currency,document\n"
    "team-chat,Anthropic,Claude Team,team-standard,7,2026-05-01,2026-06-01,2026-05-02,INV-7,"
    "210,USD,{document}\n"
)


def buy_seats(
    connection: Connection, *, document: str = "may.pdf", invoice: bytes | None = INVOICE
) -> Charge:
    """A month of seven seats, and the cost line of the purchase.

    Args:
        document: what the row names as its document.
        invoice: what lies beside the sheet as `may.pdf`; None: nothing.
    """
    beside = {} if invoice is None else {"may.pdf": invoice}
    bring(connection, {"seats.csv": SHEET.format(document=document).encode(), **beside})
    return Charge.objects.get(
        dimension__charge_category="Purchase",
        slice__connection=connection,
        superseded_at__isnull=True,
    )
