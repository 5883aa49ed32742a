"""Invoices, closes and exchange rates: who approves, what is recorded, what follows."""

from __future__ import annotations

from datetime import datetime

from billing.approvals import register_close_guards
from billing.demo import closes as demo
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.invoices import document_hashes
from billing.services.closes import CLOSES, recheck_all_closes
from billing.vocabularies import CLOSE_STATES, CORRECTION_CAUSES, MATCHES
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.backup.documents import LandedDocuments, landed_documents
from portal.choices import ImportKind, Role
from portal.demo import DemoStep, demo_steps
from portal.imports.registry import FollowUp, follow_ups
from portal.models import ImportRun
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.statuses import vocabularies

register_close_guards()
approval_kinds.register(CLOSES)

demo_steps.register(DemoStep("billing.invoices", 82, demo.build_invoices))
demo_steps.register(DemoStep("billing.closes", 84, demo.close_months))

landed_documents.register(LandedDocuments("billing.invoice", document_hashes))

for _vocabulary in (CLOSE_STATES, MATCHES, CORRECTION_CAUSES):
    vocabularies.register(_vocabulary)


def _recheck(_run: ImportRun, at: datetime) -> None:
    recheck_all_closes(at=at)


follow_ups.register(
    FollowUp(
        key="billing.recheck-closes",
        kinds=frozenset({ImportKind.COSTS}),
        run=_recheck,
        label="Look again at closes that wait for a second person",
        roles=frozenset({Role.FINANCE}),
        is_per_run=False,
    )
)

for _model in ("Invoice", "InvoiceVariance", "PeriodClose", "CloseCorrection", "ExchangeRate"):
    governed(f"billing.{_model}")


def _sees_costs(user: Visitor) -> bool:
    return may_see_costs(user)  # type: ignore[arg-type]


def _answers_for_money(user: Visitor) -> bool:
    return may_see_charges(user)  # type: ignore[arg-type]


for _order, (_key, _label, _url_name, _icon, _visible) in enumerate(
    (
        ("invoices", "Invoices", "invoices", "inbox", _answers_for_money),
        ("reconciliation", "Reconciliation", "reconciliation", "check", _answers_for_money),
        ("closes", "Close checklist", "close-checklist", "shield", _answers_for_money),
        ("corrections", "Corrections", "corrections", "redo", _answers_for_money),
        ("exchange_rates", "Exchange rates", "exchange-rates", "coins", _sees_costs),
    ),
    start=1,
):
    navigation.register(
        NavigationEntry(
            f"billing.{_key}", _label, _url_name, "Costs", 100 + _order * 10, _icon, _visible
        )
    )
