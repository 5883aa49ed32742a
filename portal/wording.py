"""Numbers in sentences for people. Knows no Django, so that sources may use it as well."""

from __future__ import annotations


def rejection_words(code: str) -> str:
    """The code of a rejected row as words: `bad_datetime` is `Bad datetime`."""
    return code.replace("_", " ").capitalize()


def counted(count: int, one: str, many: str = "") -> str:
    """`1 row`, `2,000 rows`; `many` where an added *s* does not make the plural."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
