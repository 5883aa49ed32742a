"""From a provider's quantities to the records that the store takes: what all sources share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from billing.sources.digests import digest_of, digest_of_joined
from billing.sources.lines import NOTHING_MORE, BadValueError, canonical
from billing.sources.records import UsageDimension, UsageRecord
from portal.shell.money import EXACT

MICRO = Decimal(10**6)
_LARGEST = 2**63 - 1
MOST = Decimal(_LARGEST) / MICRO  # of one quantity, exactly
_KEPT_DIMENSIONS = 16_384
_KEPT_PERIODS = 4_096


class UsageRow(NamedTuple):
    """What the quantities of one row have in common. `dataset` names the report that it comes from:
    quantities of two reports about the same thing are never added. No person is kept: usage is a
    cost driver, not a score."""

    file_index: int
    line: int
    dataset: str
    period: tuple[datetime, datetime]
    billing_account_id: str
    provider: str
    service_name: str
    sub_account_id: str = ""
    api_key_id: str = ""
    model: str = ""
    service_tier: str = ""
    tags: Mapping[str, Any] = NOTHING_MORE


Quantity = tuple[str, str, Decimal]  # what was counted, its unit, and how much of it


def usage_record(row: UsageRow, metric: str, unit: str, amount: Decimal) -> UsageRecord:
    """A quantity of a row that counts one thing. See `usage_records`."""
    return next(usage_records(row, ((metric, unit, amount),)))


def usage_records(row: UsageRow, quantities: Iterable[Quantity]) -> Iterator[UsageRecord]:
    """The quantities of a row as the store takes them: whole millionths of their units.

    Raises:
        BadValueError: one does not fit, is negative, or is finer than a millionth.
    """
    place = row.file_index, row.line
    start, end = row.period
    moments = _moments(start, end)
    names = (
        *(row.dataset, row.billing_account_id, row.sub_account_id, row.api_key_id),
        *(row.provider, row.service_name, row.model, row.service_tier),
    )
    tags = canonical(row.tags)
    for metric, unit, amount in quantities:
        dimension, name = _dimension(names, metric, unit, tags)
        identity = digest_of_joined(name + moments)
        yield UsageRecord(*place, identity, dimension, start, end, _micro(metric, amount))


def _micro(metric: str, amount: Decimal) -> int:
    scaled = EXACT.multiply(amount, MICRO)
    micro = int(scaled)
    if micro != scaled or not 0 <= micro <= _LARGEST:
        raise BadValueError(metric, amount, "bad_quantity", "0 or more, to a millionth at most")
    return micro


@lru_cache(maxsize=_KEPT_DIMENSIONS)
def _dimension(
    names: tuple[str, ...], metric: str, unit: str, tags: str
) -> tuple[UsageDimension, str]:
    """A dimension, and its digest as it stands in identities: the same ones come back every day of
    a report."""
    values = (*names, metric, unit, tags)
    dimension = UsageDimension(digest_of(*values), *values)
    return dimension, f"{dimension.digest.hex}\0"


@lru_cache(maxsize=_KEPT_PERIODS)
def _moments(start: datetime, end: datetime) -> str:
    # Moments that are equal are one key, in whatever zone they are given.
    return f"{start.astimezone(UTC).isoformat()}\0{end.astimezone(UTC).isoformat()}"
