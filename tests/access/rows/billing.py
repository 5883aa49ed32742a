"""Costs, allocation rules, restatements: pages and API."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from billing.approvals import RULE_KIND
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from portal.models import ApprovalRequest
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
from tests.access.readers import Panel, Reader
from tests.billing.factories import make_rule

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
    page("charge", SEE_LINES, values={"pk": "charge.pk"}, unseen=EVERYBODY - SEE_LINES),
    listing("restatements", EVERYBODY),
    listing("allocation-rules", EVERYBODY),
    page("allocation-rule", EVERYBODY, values=RULE),
    form("allocation-rule-new", FINANCE),
    form("allocation-rule-edit", FINANCE, values=RULE),
    form_function("allocation-rule-retire", FINANCE, values=RULE),
    api("api-costs-daily", get=Door(EVERYBODY)),
    api("api-use-case-costs", get=Door(EVERYBODY), values={"slug": "case.slug"}, inside=404),
]

_SELECTORS = "billing.selectors"
READERS = [
    Reader(f"{_SELECTORS}.daily_costs:daily_costs_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.daily_costs:monthly_costs_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.use_cases:use_case_by_slug", EVERYBODY, arguments={"slug": "@case.slug"}),
    Reader(
        f"{_SELECTORS}.use_cases:use_case_by_name", EVERYBODY, arguments={"text": "Answer drafts"}
    ),
    Reader(f"{_SELECTORS}.use_cases:all_use_case_names", EVERYBODY),
    Reader(f"{_SELECTORS}.allocation_rules:rules_visible_to", EVERYBODY),
    Reader(
        f"{_SELECTORS}.allocation_rules:rule_for_page", EVERYBODY, arguments={"key": "@rule.key"}
    ),
    Reader(f"{_SELECTORS}.allocation_rules:newest_versions", EVERYBODY),
    Reader(f"{_SELECTORS}.restatements:restatements_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.charges:charges_visible_to", SEE_LINES),
    Reader(f"{_SELECTORS}.charges:charge_for_page", SEE_LINES, arguments={"pk": "@charge.pk"}),
]
PANELS = [
    Panel("billing.cost", EVERYBODY, thing="case"),
    Panel("billing.rule_effect", EVERYBODY, thing="asked_end"),
    # What a rule about one person takes is what that person costs.
    Panel("billing.rule_effect", SEE_LINES, thing="asked_end_of_personal"),
]


def prepare(world: Any) -> None:
    """Requests to end a rule by tag and one by principal."""
    personal = make_rule((world.case, WHOLE), field="principal", value="mark")
    world.add(asked_end=_asked_end(world.rule), asked_end_of_personal=_asked_end(personal))


def _asked_end(rule: AllocationRule) -> ApprovalRequest:
    """Not stored: it would wait in inboxes that other rows are about."""
    return ApprovalRequest(
        kind=RULE_KIND,
        subject=rule.key,
        payload={"end": rule.version, "reason": "Over."},
        expires_at=timezone.now() + dt.timedelta(days=1),
    )
