"""A cloud account's cost comes through one export, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import QuerySet

from billing.choices import EXPORT_SOURCES
from billing.models import ChargeSlice
from portal.imports.contracts import ImportRefusedError
from portal.models import Connection


def refuse_second_export(connection: Connection, keys: Iterable[tuple[str, date, date]]) -> None:
    """Refuse cost lines of an account and billing period that another connection has loaded, when
    one of the two brings whole exports.

    A CUR and a FOCUS export of one account say the same money in other words, so comparing lines
    would find nothing.

    Args:
        keys: billing account, start of the billing period and day of each slice of this run.

    Raises:
        ImportRefusedError: there is one.
    """
    coming = {(account, period) for account, period, _ in keys}
    live = ChargeSlice.objects.filter(rows__gt=0).exclude(connection=connection)
    if connection.source in EXPORT_SOURCES:
        live = live.filter(billing_account_id__in={account for account, _ in coming})
    else:
        live = live.filter(connection__source__in=EXPORT_SOURCES)
    for account, period, slug in _distinct(live):
        if (account, period) in coming:
            raise ImportRefusedError(
                "other_export_loaded",
                f"the costs of billing account {account} for {period:%Y-%m} are already imported "
                f"through the connection {slug!r}: an export holds all of an account's money, "
                "and a CUR and a FOCUS export hold the same",
                expected="one connection for an account; switch the other one off and take its "
                "rows back first",
            )


def _distinct(live: QuerySet[ChargeSlice]) -> QuerySet[ChargeSlice, tuple[str, date, str]]:
    names = ("billing_account_id", "billing_period_start", "connection__slug")
    return live.order_by(*names).values_list(*names).distinct()
