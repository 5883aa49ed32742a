"""The store of the `invoices` source: versions of invoices, nothing withdrawn by a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.models import Invoice
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    Origin,
    Version,
    closed_by_change,
    keep_versions,
    last_month,
    live_invoice,
    lock_for,
    same_as,
)
from billing.sources.invoices.source import InvoiceRecord
from portal.imports.registry import Plan, Totals, Window
from portal.models import ImportRun
from portal.shell.money import EXACT, nano_text


def months_of_invoices(run: ImportRun) -> dict[str, Any]:
    """The latest month that a file may have an invoice of, by the moment at which its run began."""
    if run.started_at is None:
        return {}
    return {"last_month": last_month(run.started_at).isoformat()}


class InvoiceStore:
    """The store of one run. See `portal.imports.registry.Store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.window = Window(run.window_start, run.window_end)
        self._records: list[InvoiceRecord] = []
        self._changed: list[InvoiceRecord] = []

    def open(self) -> None:
        """Nothing is staged in the database: a file has hundreds of invoices, not millions."""

    def close(self) -> None:
        """Nothing to put away."""

    def stage(self, records: Sequence[InvoiceRecord]) -> int:
        taken = [record for record in records if self.window.contains(record.month)]
        self._records += taken
        return len(taken)

    def plan(self) -> Plan:
        """What would change. Called with the connection's lock held."""
        plan = Plan()
        drafts = {record: _draft(record) for record in self._records}
        lock_for(list(drafts.values()))
        totals: Totals = {}
        age = self.run.replay_of_id or self.run.pk
        for record, draft in drafts.items():
            sums = totals.setdefault(record.currency, {"total": Decimal(0)})
            sums["total"] = EXACT.add(sums["total"], Decimal(nano_text(record.total_nano)))
            stored = live_invoice(record.issuer, record.number)
            says_the_same = stored is not None and same_as(draft, stored)
            if says_the_same and not _is_new_document(record, stored):
                plan.unchanged += 1
                continue
            self._changed.append(record)
            if stored is None:
                plan.inserted += 1
            else:
                plan.updated += 1
                if stored.run_id is not None and stored.run_id > age:
                    plan.overtaken_by = max(plan.overtaken_by or 0, stored.run_id)
            if not says_the_same:  # a document alone moves no money
                plan.hold_reasons += _in_closed_months(draft, stored)
        plan.totals_in = plan.totals_stored = totals
        return plan

    def apply(self, plan: Plan, *, at: datetime) -> None:
        files = {file.index: file for file in self.run.files.all()}
        keep_versions(
            [
                Version(
                    _draft(record),
                    Origin(run=self.run, file=files[record.file_index], line=record.line),
                    _document(record),
                )
                for record in self._changed
            ],
            at=at,
        )


def _document(record: InvoiceRecord) -> Document | None:
    if not record.document_sha256:
        return None
    return Document(record.document_name, record.document_sha256, record.document_size)


def _is_new_document(record: InvoiceRecord, stored: Invoice | None) -> bool:
    """Whether a row brings another document than its invoice has."""
    known = stored.document_sha256 if stored is not None else ""
    return record.document_sha256 not in ("", known)


def _draft(record: InvoiceRecord) -> InvoiceDraft:
    return InvoiceDraft(
        **{field.name: getattr(record, field.name) for field in fields(InvoiceDraft)}
    )


def _in_closed_months(draft: InvoiceDraft, stored: Invoice | None) -> list[str]:
    """An invoice of a closed month is a person's to let in: it becomes a correction."""
    return [
        f"Invoice {draft.number} belongs to a month that is closed: {scope}."
        for scope in closed_by_change(draft, stored)
    ]
