"""Shapes of OpenAI's answers: pages of daily buckets, times in Unix seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.buckets import Period, Row, part_of, rows_of
from billing.sources.lines import BadValueError, currency_code, exact, instant

COSTS = "costs"
USAGE = "usage/"
PROJECTS = "projects"
KEYS = "api_keys"
USERS = "users"
CONTROL = ".total"  # of the name of a page that is there to be compared and not to be read


def bucket_period(bucket: Row) -> Period:
    """When a bucket was: UTC, half-open.

    Raises:
        BadValueError: it is not in Unix seconds.
    """
    return _seconds(bucket, "start_time"), _seconds(bucket, "end_time")


def _seconds(bucket: Row, key: str) -> datetime:
    value = bucket.get(key)
    if not isinstance(value, int):
        raise BadValueError(key, value, "bad_datetime", "Unix seconds, a whole number")
    return instant(value, key)


def results_of(bucket: Row) -> list[dict[str, Any]]:
    """The rows of a bucket; older answers call the list `result`."""
    return rows_of(bucket, "results" if "results" in bucket or "result" not in bucket else "result")


def rows_in(body: Any) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """(start, row) of every row of a page."""
    for bucket in rows_of(body):
        start = bucket_period(bucket)[0]
        for row in results_of(bucket):
            yield start, row


def amount_of(row: Row) -> tuple[Decimal, str]:
    """An amount in whole units of its currency, exact as written, and the currency.

    Raises:
        BadValueError: it cannot be read.
    """
    amount = part_of(row, "amount")
    return exact(amount.get("value"), "amount.value"), currency_code(
        amount.get("currency"), "amount.currency"
    )
