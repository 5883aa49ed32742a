"""Which use case a name seems to mean, and silence where it could mean two or none."""

from __future__ import annotations

import pytest

from billing.allocation.names import LEAST, Named, Suggester

DRAFTS = Named(1, "answer-drafts", "Answer drafts")
TRIAGE = Named(2, "ticket-triage", "Ticket triage")
INVOICES = Named(3, "invoice-reading", "Reading invoices")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ws-answer-drafts", DRAFTS),
        ("AnswerDrafts", DRAFTS),
        ("proj_drafts_answer_prod", DRAFTS),
        ("ticket triage service", TRIAGE),
        ("tickets-triage", TRIAGE),
        ("read-invoices", INVOICES),
        ("playground", None),
        ("ai", None),
        ("", None),
    ],
)
def test_a_name_leads_to_the_use_case_that_it_is_like(text: str, expected: Named | None) -> None:
    hint = Suggester([DRAFTS, TRIAGE, INVOICES]).hint(text)
    assert (hint.named if hint else None) == expected
    if hint:
        assert LEAST <= hint.score <= 100
        assert text in hint.why


def test_two_use_cases_as_near_as_each_other_are_no_hint() -> None:
    twins = [Named(1, "triage-north", "Triage, north"), Named(2, "triage-south", "Triage, south")]
    assert Suggester(twins).hint("triage") is None


def test_without_use_cases_there_is_no_hint() -> None:
    assert Suggester([]).hint("answer-drafts") is None
