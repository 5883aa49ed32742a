"""Numbers in sentences for people. Knows no Django, so that sources may use it as well."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """`1 row`, `2,000 rows`; `many` where an added *s* does not make the plural."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
