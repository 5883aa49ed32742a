"""One of something is never “1 rows”."""

from __future__ import annotations

import pytest

from portal.wording import counted


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (12_345, ("row",), "12,345 rows"),
        (1, ("entry is", "entries are"), "1 entry is"),
        (2, ("entry is", "entries are"), "2 entries are"),
    ],
)
def test_the_noun_fits_the_number(count: int, words: tuple[str, ...], text: str) -> None:
    assert counted(count, *words) == text
