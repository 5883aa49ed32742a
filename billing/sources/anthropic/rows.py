"""Rows of Anthropic's reports, whichever generation they come from.

The Console's reports nest rows in daily buckets with their dimensions beside the amount. The beta
gives flat rows with a period of their own, dimensions in `group` and numbers in `cost` or `usage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.buckets import Row, part_of, rows_of
from billing.sources.lines import BadValueError, currency_code, exact, instant
from portal.shell.money import EXACT

CLAUDE_CODE = "usage_report/claude_code"
CONTROL = ".total"  # of the name of a page that is there to be compared and not to be read
CENTS = -2  # amounts are in the lowest unit of the currency, which is the cent


def is_flat(report: str) -> bool:
    """Whether rows carry their own period, and days without any do not appear."""
    return report in ("analytics/cost", "analytics/usage")


def bucket_start(bucket: Row) -> datetime:
    """When a bucket or a flat row begins, UTC.

    Raises:
        BadValueError: it does not say.
    """
    return instant(bucket.get("starting_at"), "starting_at")


def rows_in(body: Any) -> Iterator[tuple[datetime, datetime, dict[str, Any]]]:
    """(start, end, row) of every row of an answer; times UTC, half-open.

    Raises:
        BadValueError: a period cannot be read.
        ImportRefusedError: the answer has another shape.
    """
    for bucket in rows_of(body):
        start = bucket_start(bucket)
        end = instant(bucket.get("ending_at"), "ending_at")
        if "results" not in bucket:
            yield start, end, bucket
            continue
        for row in rows_of(bucket, "results"):
            yield start, end, row


def watermark_of(body: Any) -> datetime | None:
    """Up to when the data is complete, where the answer says so.

    Raises:
        BadValueError: it says so in a way that cannot be read.
    """
    text = body.get("data_refreshed_at") if isinstance(body, Mapping) else None
    return None if text is None else instant(text, "data_refreshed_at")


def dimensions_of(row: Row) -> Row:
    """Where the names of a row stand."""
    return part_of(row, "group") if "group" in row else row


def amount_of(row: Row, key: str = "amount") -> Decimal:
    """An amount in US dollars; the source writes cents, as text and with fractions.

    Raises:
        BadValueError: it cannot be read, or is in another currency.
    """
    numbers = part_of(row, "cost") if "cost" in row else row
    if currency_code(numbers.get("currency")) != "USD":
        raise BadValueError(
            "currency", numbers.get("currency"), "bad_currency", "USD, as documented", fatal=True
        )
    return exact(numbers.get(key), key).scaleb(CENTS, context=EXACT)


def has_amount(row: Row, key: str) -> bool:
    """Whether the row gives this amount at all."""
    numbers = part_of(row, "cost") if "cost" in row else row
    return numbers.get(key) is not None
