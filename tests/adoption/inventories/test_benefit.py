"""What counts as a number, what as measurable, and what measures mere use."""

from __future__ import annotations

import pytest

from adoption.inventories.benefit import check_benefit, usage_word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not_stated"),
        ("  \n", "not_stated"),
        ("Improves the mission of the agency.", "nothing_measurable"),
        ("Section 508 and the strategy of 2025 are served.", "nothing_measurable"),
        ("Support around the clock, 24/7.", "nothing_measurable"),
        ("Saves time and cost.", "no_number"),
        ("A lower error rate from FY 2026 on.", "no_number"),
        ("Cuts review time by 40-70%.", "measurable"),
        ("Saves $1.2 million a year.", "measurable"),
        ("From 12 minutes to 6.", "measurable"),
        ("A 15 percent lower error rate.", "measurable"),
        ("Frees 3 FTE.", "measurable"),
        ("Halves the backlog.", "measurable"),
        ("Handles 2,000 tickets alone.", "measurable"),
    ],
)
def test_a_benefit_is_measurable_when_it_has_an_amount(text: str, expected: str) -> None:
    assert check_benefit(text, has_number=False) == expected


def test_a_number_of_the_record_is_enough() -> None:
    assert check_benefit("", has_number=True) == "measurable"
    assert check_benefit("Improves things.", has_number=True) == "measurable"


@pytest.mark.parametrize(
    "text",
    ["tokens per day", "Active users", "number of prompts", "seats", "lines of code", "licences",
     "acceptance rate", "chat sessions"],
)  # fmt: skip
def test_words_of_usage_are_found(text: str) -> None:
    assert usage_word(text)


@pytest.mark.parametrize(
    "text", ["minutes per ticket", "%", "EUR per month", "handling time of a routine ticket"]
)
def test_words_of_outcomes_are_none(text: str) -> None:
    assert usage_word(text) == ""
