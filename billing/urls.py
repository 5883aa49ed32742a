"""Addresses of the billing room, below `/costs/`."""

from __future__ import annotations

from django.urls import path

from billing.views import (
    allocation_rules,
    charges,
    close_exports,
    closes,
    cost_exports,
    definitions,
    exchange_rates,
    explorer,
    invoice_documents,
    invoice_forms,
    invoices,
    lineage,
    overlaps,
    plans,
    restatements,
    rule_editor,
    seats,
    unallocated,
    unmapped,
)
from billing.views.moments import now_only

# Every other page refuses `as_of`: it would answer with the figures of now.
_AS_OF = ("costs", "costs-unallocated", "costs-unmapped", "cost-lineage", "restatements",
          "invoices", "invoice", "reconciliation", "close-checklist", "close-journal",
          "close-workbook", "close", "corrections", "exchange-rates")  # fmt: skip

_PAGES = [
    path("", explorer.CostExplorerPage.as_view(), name="costs"),
    path("unallocated/", unallocated.unallocated_page, name="costs-unallocated"),
    path("unmapped/", unmapped.unmapped_page, name="costs-unmapped"),
    path("overlaps/", overlaps.overlaps_page, name="cost-overlaps"),
    path("overlaps/new/", overlaps.overlap_new_page, name="cost-overlap-new"),
    path("overlaps/<int:pk>/end/", overlaps.overlap_end_page, name="cost-overlap-end"),
    path("exports/", cost_exports.exports_page, name="cost-exports"),
    path("exports/focus.csv", cost_exports.focus_export, name="cost-export-focus"),
    path("exports/unit-costs.csv", cost_exports.unit_cost_export, name="cost-export-unit-costs"),
    path(
        "exports/business-metrics.csv",
        cost_exports.business_metric_export,
        name="cost-export-business-metrics",
    ),
    path("definitions/", definitions.definitions_page, name="cost-definitions"),
    path("lineage/", lineage.lineage_page, name="cost-lineage"),
    path("charges/<int:pk>/", charges.charge_page, name="charge"),
    path("charges/<int:pk>/document/", charges.charge_document, name="charge-document"),
    path("restatements/", restatements.RestatementListPage.as_view(), name="restatements"),
    path("plans/", plans.PlanListPage.as_view(), name="price-plan-list"),
    path("plans/new/", plans.plan_new_page, name="price-plan-new"),
    path("plans/<int:pk>/end/", plans.plan_end_page, name="price-plan-end"),
    path("seats/new/", seats.seats_new_page, name="seats-new"),
    path("rules/", allocation_rules.RuleListPage.as_view(), name="allocation-rules"),
    path("rules/new/", rule_editor.RuleNewPage.as_view(), name="allocation-rule-new"),
    path("rules/<slug:key>/", allocation_rules.rule_page, name="allocation-rule"),
    path("rules/<slug:key>/edit/", rule_editor.RuleEditPage.as_view(), name="allocation-rule-edit"),
    path(
        "rules/<slug:key>/retire/", allocation_rules.rule_retire_page, name="allocation-rule-retire"
    ),
    path("invoices/", invoices.InvoiceListPage.as_view(), name="invoices"),
    path("invoices/new/", invoice_forms.invoice_new_page, name="invoice-new"),
    path("invoices/<int:pk>/", invoices.invoice_page, name="invoice"),
    path("invoices/<int:pk>/change/", invoice_forms.invoice_change_page, name="invoice-change"),
    path("invoices/<int:pk>/document/", invoices.invoice_document, name="invoice-document"),
    path(
        "invoices/<int:pk>/document/attach/",
        invoice_documents.invoice_attach_page,
        name="invoice-attach",
    ),
    path(
        "invoices/<int:pk>/withdraw/", invoice_forms.invoice_withdraw_page, name="invoice-withdraw"
    ),
    path("invoices/<int:pk>/explain/", invoice_forms.explain_page, name="invoice-explain"),
    path(
        "explanations/<int:pk>/withdraw/",
        invoice_forms.explanation_withdraw_page,
        name="explanation-withdraw",
    ),
    path("reconciliation/", closes.reconciliation_page, name="reconciliation"),
    path("closes/", closes.checklist_page, name="close-checklist"),
    path("closes/journal/", close_exports.journal_export, name="close-journal"),
    path("closes/workbook/", close_exports.workbook_export, name="close-workbook"),
    path("closes/<slug:key>/", closes.close_page, name="close"),
    path("closes/<slug:key>/ask/", closes.close_ask_page, name="close-ask"),
    path("corrections/", closes.CorrectionListPage.as_view(), name="corrections"),
    path("exchange-rates/", exchange_rates.RateListPage.as_view(), name="exchange-rates"),
    path("exchange-rates/new/", exchange_rates.rate_new_page, name="exchange-rate-new"),
]

urlpatterns = now_only(_PAGES, but=_AS_OF)
