# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What cost lines and allocations point at is not deleted: the half of a foreign key that matters.

Lines and allocations are the two tables that an import fills by the million. They are written by
`INSERT … SELECT` over the very rows that they point at, so nothing can point nowhere; PostgreSQL
would look up each key all the same, at the commit, seven times a row.

A guard sees only what is committed. So whoever writes lines or allocations holds `FACT_LOCK` shared
from before it reads what they will point at until its transaction ends, once and not for each row
(`services/fact_lock.py`), and a guard wants it alone. On SQLite there is one writer at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.approvals.triggers import Dialect, Guard, guards

FACT_LOCK = (0x504D, 1)  # beside `portal.imports.lock`, which uses another class


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
        ("charge_kept", "billing.Charge", "billing_allocation", "charge_id"),
        ("allocation_use_case_kept", "adoption.UseCase", "billing_allocation", "use_case_id"),
    ):
        noun = "cost lines" if table == "billing_charge" else "allocations"
        guards.register(
            Guard(
                key,
                model,
                "DELETE",
                _pointed_at(table, column),
                f"{noun} point at it",
                lock=FACT_LOCK,
            )
        )
