"""Costs, allocation rules, restatements: pages and API."""

from __future__ import annotations

from tests.access.matrix import (
    EVERYBODY,
    Column,
    Door,
    api,
    form,
    form_function,
    listing,
    only,
    page,
)

# Single lines name accounts and resources; sums per use case, service and month are for all.
SEE_LINES = only(
    Column.PROGRAMME_LEAD, Column.FINANCE, Column.APPROVER, Column.AUDITOR, Column.ADMINISTRATOR
)
FINANCE = only(Column.FINANCE)
RULE = {"key": "rule.key"}

ROWS = [
    listing("costs", EVERYBODY, query="group=use_case"),
    page("costs-unallocated", EVERYBODY),
    page("cost-definitions", EVERYBODY),
    page("cost-lineage", EVERYBODY, query="use_case={case.slug}"),
    page("charge", SEE_LINES, values={"pk": "charge.pk"}),
    listing("restatements", EVERYBODY),
    listing("allocation-rules", EVERYBODY),
    page("allocation-rule", EVERYBODY, values=RULE),
    form("allocation-rule-new", FINANCE),
    form("allocation-rule-edit", FINANCE, values=RULE),
    form_function("allocation-rule-retire", FINANCE, values=RULE),
    api("api-costs-daily", get=Door(EVERYBODY)),
    api("api-use-case-costs", get=Door(EVERYBODY), values={"slug": "case.slug"}),
]
