# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What cost lines, quantities and allocations point at is not deleted: the half of a foreign key
that matters.

These are the tables that an import fills by the million. They are written with the keys of rows
that were read or made in the same transaction, so nothing can point nowhere; PostgreSQL would look
up each key all the same, at the commit, four to seven times a row.

A guard sees only what is committed. So whoever writes such facts holds `FACT_LOCK` shared from
before it reads what they will point at until its transaction ends, once and not for each row
(`services/fact_lock.py`), and a guard wants it alone. On SQLite there is one writer at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.approvals.triggers import Dialect, Guard, guards

FACT_LOCK = (0x504D, 1)  # beside `portal.imports.lock`, which uses another class
_NOUNS = {
    "billing_charge": "cost lines",
    "billing_usage": "quantities",
    "billing_allocation": "allocations",
}


def _pointed_at(table: str, column: str) -> Callable[[Dialect], str]:
    def condition(_dialect: Dialect) -> str:
        return f"EXISTS (SELECT 1 FROM {table} f WHERE f.{column} = OLD.id)"

    return condition


def register_guards() -> None:
    """Add the guards of what the facts point at to the portal's."""
    for key, model, table, column in (
        ("charge_slice_kept", "billing.ChargeSlice", "billing_charge", "slice_id"),
        ("charge_dimension_kept", "billing.ChargeDimension", "billing_charge", "dimension_id"),
        ("charge_run_kept", "portal.ImportRun", "billing_charge", "run_id"),
        ("charge_file_kept", "portal.ImportFile", "billing_charge", "file_id"),
        ("usage_slice_kept", "billing.UsageSlice", "billing_usage", "slice_id"),
        ("usage_dimension_kept", "billing.UsageDimension", "billing_usage", "dimension_id"),
        ("usage_run_kept", "portal.ImportRun", "billing_usage", "run_id"),
        ("usage_file_kept", "portal.ImportFile", "billing_usage", "file_id"),
        ("charge_kept", "billing.Charge", "billing_allocation", "charge_id"),
        ("allocation_use_case_kept", "adoption.UseCase", "billing_allocation", "use_case_id"),
    ):
        guards.register(
            Guard(
                key,
                model,
                "DELETE",
                _pointed_at(table, column),
                f"{_NOUNS[table]} point at it",
                lock=FACT_LOCK,
            )
        )
