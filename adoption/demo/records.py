"""What the demo's use cases say beyond their claim: benefit, guardrail, data, tools."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adoption.inventory_choices import DataClass, Practice, Technology


def record(
    measure: str, unit: str, baseline: str, expected: str, guardrail: str, data: DataClass
) -> dict[str, Any]:
    return {
        "benefit_measure": measure,
        "benefit_unit": unit,
        "baseline": Decimal(baseline),
        "expected": Decimal(expected),
        "guardrails": guardrail,
        "data_class": data,
        "technology": Technology.GENERATIVE,
    }


_INTERNAL, _CONFIDENTIAL = DataClass.INTERNAL, DataClass.CONFIDENTIAL
_FAILURES = "Change failure rate stays below 10 %"

# Title → record. Who is not here has said nothing yet.
RECORDS: dict[str, dict[str, Any]] = {
    "Test generation for the checkout service": record(
        "Escaped defects", "defects per release", "8", "6", _FAILURES, _INTERNAL),
    "Support replies with sources": record(
        "Handling time of a routine ticket", "minutes per ticket", "12.5", "8.5",
        "Reopened tickets stay below 6 % a month", _CONFIDENTIAL),
    "Search relevance reviews": record(
        "Time for the judgements of one ranking change", "days", "5", "1",
        "Agreement with specialists stays above 85 %", _INTERNAL),
    "Migration of legacy mobile screens": record(
        "Screens on the old toolkit", "screens", "140", "45",
        "Fewer than one migrated screen in ten is undone", _INTERNAL),
    "Infrastructure change reviews": record(
        "Waiting for the first review", "hours", "48", "8",
        "No incident from a change that only the agent reviewed", _CONFIDENTIAL),
    "Invoice matching": {
        **record("Invoices matched by hand", "% of invoices", "20", "10",
                  "No wrong payment above 1,000 USD", DataClass.RESTRICTED),
        "oversight": "A person of Finance Operations confirms each suggested match.",
        "impact_assessment": Practice.YES,
    },
    "Dashboard queries in plain words": record(
        "One-off questions that reach an analyst", "% of questions", "100", "50",
        "Fewer than 2 % of checked answers are wrong", _CONFIDENTIAL),
    "Growth experiments written by agents": record(
        "Experiments that ship", "experiments per quarter", "9", "18", _FAILURES, _INTERNAL),
    "Vulnerability fixes proposed with the finding": record(
        "Age of findings of medium severity", "days", "71", "30",
        "No proposed fix opens a new finding", _CONFIDENTIAL),
    "Release notes from merged changes": record(
        "Writing the notes of one release", "minutes", "240", "10",
        "At most one correction a month", _INTERNAL),
    "Call summaries for support agents": record(
        "Typing after a call", "minutes per call", "3", "1",
        "Fewer than half of the summaries are corrected", _CONFIDENTIAL),
    "On-call runbook assistant": record(
        "Finding the right runbook at night", "minutes", "11", "1",
        "No wrong runbook twice in a month", _INTERNAL),
}  # fmt: skip
# Prose only: it cannot turn out wrong, and its owner is told so.
PROSE: dict[str, dict[str, Any]] = {
    "Data catalogue descriptions": {"benefit_text": "Saves analysts time when they look for data."},
}
# Of the public histories. The figures are those of nobody; the registration says so.
PUBLIC = record("Changes in a release", "changes", "0", "1", "Not a real trial.", DataClass.PUBLIC)
DRAFTS = frozenset({"Contract clause finder"})
