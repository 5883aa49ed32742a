"""Invoices, closes and exchange rates: who approves, what is recorded, what follows."""

from __future__ import annotations

from celery.schedules import crontab

from billing.approvals import register_close_guards
from billing.demo import closes as demo
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.invoices import document_hashes
from billing.services.close_corrections import RECHECK_CLOSES
from billing.services.closes import CLOSED, CLOSES, recheck_all_closes
from billing.services.explanation_requests import EXPLANATIONS
from billing.services.invoice_requests import INVOICES
from billing.vocabularies import CLOSE_STATES, CORRECTION_CAUSES, INVOICE_STATUSES, MATCHES
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.backup.documents import LandedDocuments, landed_documents
from portal.choices import Role
from portal.demo import DemoStep, demo_steps
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.statuses import vocabularies
from portal.webhooks.registry import WebhookEvent, webhook_events
from portal.work.registry import Work, WorkKind, work_kinds

register_close_guards()
approval_kinds.register(CLOSES)
approval_kinds.register(INVOICES)
approval_kinds.register(EXPLANATIONS)

demo_steps.register(DemoStep("billing.invoices", 82, demo.build_invoices))
demo_steps.register(DemoStep("billing.closes", 84, demo.close_months))

landed_documents.register(LandedDocuments("billing.invoice", document_hashes))

for _vocabulary in (CLOSE_STATES, MATCHES, CORRECTION_CAUSES, INVOICE_STATUSES):
    vocabularies.register(_vocabulary)


def _recheck(work: Work) -> None:
    recheck_all_closes(at=work.at)


work_kinds.register(
    WorkKind(
        key=RECHECK_CLOSES,
        label="Look again at closes that wait for a second person",
        run=_recheck,
        is_atomic=False,  # each request by itself; looking again changes nothing more
        roles=frozenset({Role.FINANCE}),
    )
)

scheduled_jobs.register(
    ScheduledJob(
        key="tell-finance",
        task="billing.tasks.tell_finance",
        when=3600.0,
        reason="Corrections and invoices come by import, by form and by rule; whoever answers for "
        "them is told within the hour, in one place.",
        roles=frozenset({Role.FINANCE}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="tell-differences",
        task="billing.tasks.tell_differences",
        when=crontab(hour="6", minute="30"),
        reason="Lines and invoices come on different days: by the morning both of a day are here. "
        "It reads whole months, so not hourly. New names without a use case are told then too.",
        roles=frozenset({Role.FINANCE}),
    )
)
webhook_events.register(
    WebhookEvent(
        CLOSED,
        "Period closed",
        "A billing month was closed by a second person. data: close, month, issuer, "
        "billing_account, currency, total, invoices (number, total), figures_sha256; amounts are "
        "decimal strings.",
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
