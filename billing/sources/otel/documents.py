"""OTLP in JSON: resources, metrics and log records, with attributes as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.lines import YEARS, BadValueError, exact
from billing.sources.pages import Page

Attributes = Mapping[str, str]
_NANO = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 10**12
_EARLIEST = 946_684_800 * _NANO  # the year 2000: in another unit, times lie in 1970
_LATEST = 4_102_444_800 * _NANO  # the year 2100
_TEMPORALITY = {
    1: False, "1": False, "AGGREGATION_TEMPORALITY_DELTA": False,
    2: True, "2": True, "AGGREGATION_TEMPORALITY_CUMULATIVE": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One data point of a sum. Times are nanoseconds since 1970, UTC."""

    page: Page
    raw: Mapping[str, Any]
    metric: str
    attributes: Attributes
    is_cumulative: bool
    start: int
    time: int
    value: Decimal

    @property
    def series(self) -> tuple[Any, ...]:
        """Names the series: a new start is a new one."""
        return (
            self.metric, self.is_cumulative, tuple(sorted(self.attributes.items())), self.start,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One log record. Its time is nanoseconds since 1970, UTC."""

    page: Page
    raw: Mapping[str, Any]
    name: str
    attributes: Attributes
    time: int


def day_of(nanoseconds: int) -> datetime:
    """The UTC day that a period ending at this moment belongs to: its last instant counts."""
    return _EPOCH + timedelta(days=max(nanoseconds - 1, 0) // (86_400 * _NANO))


def has_signal(page: Page, name: str) -> bool:
    """Whether the document holds `resourceMetrics` or `resourceLogs`."""
    return isinstance(page.body, Mapping) and isinstance(page.body.get(name), list)


def raw_points(page: Page) -> Iterator[tuple[str, Any, Attributes, Mapping[str, Any]]]:
    """Metric name, temporality, attributes of the resource, and each data point of every sum."""
    for resource, scopes in _resources(page, "resourceMetrics", "scopeMetrics"):
        for scope in scopes:
            for metric in _list(scope, "metrics"):
                total = metric.get("sum") if isinstance(metric, Mapping) else None
                if not isinstance(total, Mapping):
                    continue
                for point in _list(total, "dataPoints"):
                    yield (
                        str(metric.get("name")),
                        total.get("aggregationTemporality"),
                        resource,
                        point,
                    )


def has_value(raw: Any) -> bool:
    """Whether a data point says anything. One that is flagged (bit 1: no recorded value) only tells
    that its series had nothing to say then; whatever it holds besides means nothing."""
    if not isinstance(raw, Mapping):
        return True  # to be put aside as what it is
    flags = str(raw.get("flags") or 0)
    if flags.isascii() and flags.isdecimal() and len(flags) <= 10 and int(flags) & 1:
        return False
    return any(raw.get(name) is not None for name in ("asDouble", "asInt"))


def read_point(
    page: Page, name: str, temporality: Any, resource: Attributes, raw: Mapping[str, Any]
) -> Point:
    """The point, exactly.

    Raises:
        BadValueError: a value, time or temporality is missing or cannot be read.
    """
    if temporality not in _TEMPORALITY:
        raise BadValueError(
            "aggregationTemporality", temporality, "bad_temporality", "delta (1) or cumulative (2)",
            fatal=True,
        )  # fmt: skip
    field = "asDouble" if "asDouble" in raw else "asInt"
    value = exact(raw.get(field), f"{name}.{field}")
    if not 0 <= value <= _MOST:
        expected = f"from 0 to {_MOST}"
        raise BadValueError(f"{name}.{field}", value, "bad_amount", expected, fatal=True)
    time = _nanoseconds(raw, "timeUnixNano")
    start = _nanoseconds(raw, "startTimeUnixNano") if raw.get("startTimeUnixNano") else 0
    return Point(
        page=page,
        raw=raw,
        metric=name,
        attributes={**resource, **_attributes(raw)},
        is_cumulative=_TEMPORALITY[temporality],
        start=start,
        time=time,
        value=value,
    )


def events_of(page: Page) -> Iterator[tuple[Attributes, Mapping[str, Any]]]:
    """Attributes of the resource, and each log record."""
    for resource, scopes in _resources(page, "resourceLogs", "scopeLogs"):
        for scope in scopes:
            for record in _list(scope, "logRecords"):
                yield resource, record


def read_event(page: Page, resource: Attributes, raw: Mapping[str, Any]) -> Event:
    """The event.

    Raises:
        BadValueError: its time is missing or cannot be read.
    """
    attributes = {**resource, **_attributes(raw)}
    body = raw.get("body")
    said = str(body.get("stringValue") or "") if isinstance(body, Mapping) else ""
    name = attributes.get("event.name") or said
    moment = "timeUnixNano" if raw.get("timeUnixNano") else "observedTimeUnixNano"
    return Event(
        page=page,
        raw=raw,
        name=name.removeprefix("claude_code."),
        attributes=attributes,
        time=_nanoseconds(raw, moment),
    )


def _resources(
    page: Page, outer: str, inner: str
) -> Iterator[tuple[Attributes, Sequence[Mapping[str, Any]]]]:
    for each in _list(page.body, outer):
        if not isinstance(each, Mapping):
            continue
        resource = each.get("resource")
        attributes = _attributes(resource) if isinstance(resource, Mapping) else {}
        yield attributes, [scope for scope in _list(each, inner) if isinstance(scope, Mapping)]


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, list) else []


def _attributes(holder: Mapping[str, Any]) -> dict[str, str]:
    """Attributes with plain values; lists and objects mean nothing here."""
    found: dict[str, str] = {}
    for each in _list(holder, "attributes"):
        value = each.get("value") if isinstance(each, Mapping) else None
        if not isinstance(value, Mapping):
            continue
        for kind in ("stringValue", "intValue", "doubleValue", "boolValue"):
            if kind in value:
                found[str(each.get("key"))] = str(value[kind])
    return found


def _nanoseconds(raw: Mapping[str, Any], name: str) -> int:
    text = str(raw.get(name, ""))
    is_number = text.isascii() and text.isdecimal() and len(text) <= 20
    if not is_number or not _EARLIEST <= int(text) < _LATEST:
        expected = f"a time {YEARS} in nanoseconds since 1970, as digits"
        raise BadValueError(name, raw.get(name), "bad_datetime", expected)
    return int(text)
