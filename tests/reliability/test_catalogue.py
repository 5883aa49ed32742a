"""Every row of the failure catalogue names tests that exist, or says why it has none."""

from __future__ import annotations

import dataclasses

import pytest

from tests.reliability import catalogue


def test_no_row_is_missing_and_each_is_there_once() -> None:
    assert [row.number for row in catalogue.rows()] == list(catalogue.ROWS)


def test_every_named_test_exists() -> None:
    wrong = {row.number: unknown for row in catalogue.rows() if (unknown := _unknown(row))}
    assert not wrong, wrong


def _unknown(row: catalogue.Row) -> list[str]:
    return catalogue.unknown_tests(row)


def test_every_row_shows_something_or_says_why_not() -> None:
    silent = [row.number for row in catalogue.rows() if not (row.tests or row.missing)]
    assert silent == []


@pytest.mark.parametrize(
    "name",
    ["reliability/test_nowhere.py", "reliability/test_catalogue.py::test_that_is_not_there"],
)
def test_a_test_that_is_not_there_is_found_out(name: str) -> None:
    row = dataclasses.replace(catalogue.rows()[0], tests=(name,))
    assert catalogue.unknown_tests(row) == [name]


def test_the_page_is_what_the_catalogue_says() -> None:
    assert catalogue.PAGE.read_text("utf-8") == catalogue.page(), (
        "write it again:  python3 -m tests.reliability.catalogue"
    )
