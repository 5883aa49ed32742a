"""The telemetry source: what coding agents say they used, as estimates, with the repository."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing.sources.lines import (
    BadValueError,
    CostLine,
    all_of,
    canonical,
    charge_record,
    exact,
)
from billing.sources.otel.documents import (
    Attributes,
    Event,
    Point,
    day_of,
    events_of,
    has_signal,
    has_value,
    raw_points,
    read_event,
    read_point,
)
from billing.sources.otel.series import Increments, increments_of
from billing.sources.pages import Page, RowReader, read_pages
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.usage_rows import UsageRow, usage_record
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
)
from portal.shell.money import EXACT, decimal_text
from portal.wording import counted

COST = "claude_code.cost.usage"
_PREFIX = "claude_code."
_DAY = timedelta(days=1)
_FINEST = Decimal("0.000001")
_TOKENS = {
    "input": "tokens.input.uncached",
    "output": "tokens.output",
    "cacheRead": "tokens.input.cache_read",
    "cacheCreation": "tokens.input.cache_write",
}
_ACTIVITY = {
    "claude_code.session.count": ("sessions", ""),
    "claude_code.pull_request.count": ("pull_requests", ""),
    "claude_code.commit.count": ("commits", ""),
    "claude_code.active_time.total": ("active_seconds", "s"),
}
_LINES = {"added": "lines.added", "removed": "lines.removed"}
_BY_TYPE = {
    "claude_code.token.usage": (_TOKENS, "tokens"),
    "claude_code.lines_of_code.count": (_LINES, "lines"),
}
_MOST_TYPES = 5  # that a note names
_EVENT_TOKENS = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cacheRead",
    "cache_creation_tokens": "cacheCreation",
}

CostKey = tuple[datetime, str, str, str, str, str]  # day, account, session, model, repo, tags
UsageKey = tuple[datetime, str, str, str, str, str]  # day, account, metric, unit, model, tags


class _Sums:
    """Estimates and quantities of a day, each with the first place that adds to it."""

    def __init__(self, options: ReadOptions) -> None:
        self._account = str(options.config.get("account") or "claude-code")
        names = str(options.config.get("tag_keys", "team,use_case,cost_center"))
        self._tag_keys = [name.strip() for name in names.split(",") if name.strip()]
        self.costs: dict[CostKey, Decimal] = defaultdict(Decimal)
        self.usage: dict[UsageKey, Decimal] = defaultdict(Decimal)
        self.places: dict[Any, tuple[int, int]] = {}

    def _tags(self, attributes: Attributes) -> str:
        return canonical(
            {name: attributes[name] for name in self._tag_keys if attributes.get(name)}
        )

    def _of(self, attributes: Attributes) -> str:
        return attributes.get("organization.id") or self._account

    def add_cost(self, day: datetime, about: Attributes, cost: Decimal, page: Page) -> None:
        key = (
            day, self._of(about), _session(about), about.get("model", ""), repository(about),
            self._tags(about),
        )  # fmt: skip
        self.costs[key] = EXACT.add(self.costs[key], cost)
        self.places.setdefault(("cost", *key), (page.file.index, page.line))

    def add_usage(
        self, day: datetime, about: Attributes, metric: tuple[str, str], quantity: Decimal,
        page: Page,
    ) -> None:  # fmt: skip
        name, unit = metric
        model = about.get("model", "") if unit == "tokens" else ""
        key = (day, self._of(about), name, unit, model, self._tags(about))
        self.usage[key] = EXACT.add(self.usage[key], quantity)
        self.places.setdefault(("usage", *key), (page.file.index, page.line))


def _session(attributes: Attributes) -> str:
    """A name for the session that leads to nobody; empty when the client does not send one."""
    session = attributes.get("session.id", "")
    return sha256(session.encode()).hexdigest()[:16] if session else ""


def repository(attributes: Attributes) -> str:
    """`owner/name`, as far as the client sends it; never an address with a user name in it."""
    name = attributes.get("vcs.repository.name", "")
    owner = attributes.get("vcs.owner.name", "")
    return f"{owner}/{name}" if owner and name and "/" not in name else name


class OtelSource:
    """Reads OTLP JSON of Claude Code; `docs/sources/otel.md` says what is taken and kept."""

    key = "otel"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield a line a day, session, model and repository, and quantities a day and model.

        Raises:
            ImportRefusedError: a file is no OTLP JSON, or holds nothing of what is to be read.
        """
        reader = RowReader(options)
        sums = _Sums(options)
        pages = _checked(read_pages(files, options.limits))
        if options.config.get("read") == "events":
            notes = _read_events(pages, reader, sums)
        else:
            notes = _read_metrics(pages, reader, sums)
        yield Batch(rejections=reader.take_rejections(), notes=tuple(notes))
        yield Batch(records=all_of(_charges(sums)))
        yield Batch(records=all_of(_usage(sums)))


def _checked(pages: Iterable[Page]) -> Iterator[Page]:
    for page in pages:
        if not any(has_signal(page, name) for name in ("resourceMetrics", "resourceLogs",
                                                      "resourceSpans")):  # fmt: skip
            raise ImportRefusedError(
                "not_otlp", "this is not OTLP in JSON", file=page.file.name, line=page.line,
                expected="an object with resourceMetrics or resourceLogs",
            )  # fmt: skip
        yield page


def _read_metrics(pages: Iterable[Page], reader: RowReader, sums: _Sums) -> list[Note]:
    points: list[Point] = []
    skipped = empty = 0
    for page in pages:
        skipped += has_signal(page, "resourceLogs")
        for name, temporality, resource, raw in raw_points(page):
            if not name.startswith(_PREFIX):
                continue
            try:
                mended = _mended(reader, raw)
                if not has_value(mended):
                    empty += 1
                    continue
                points.append(read_point(page, name, temporality, resource, mended))
            except BadValueError as error:
                reader.reject(page, _plain(raw), error)
    increments = increments_of(points)
    for point, conflict in increments.conflicts:
        reader.reject(point.page, _plain(point.raw), conflict)
    unknown: Counter[str] = Counter()
    for point, amount in increments.found:
        if not _add_point(sums, point, amount):
            unknown[point.attributes.get("type") or "(none)"] += 1
    return [
        *_series_notes(increments),
        *_left_out(empty, unknown),
        *_skipped(skipped, "events"),
    ]


def _mended(reader: RowReader, raw: Any) -> Mapping[str, Any]:
    """What came, or what a person made of it. Attributes that name a person tell two people's
    points apart while they are read; they are neither shown nor stored."""
    plain = _plain(raw)
    mended = reader.mended(plain)
    if mended is not plain:
        return mended if isinstance(mended, Mapping) else {}
    return raw if isinstance(raw, Mapping) else {}


def _plain(raw: Any) -> dict[str, Any]:
    """A data point or record without attributes that name a person."""
    if not isinstance(raw, Mapping):
        return {}
    attributes = raw.get("attributes")
    kept = [
        each
        for each in (attributes if isinstance(attributes, list) else [])
        if isinstance(each, Mapping) and not str(each.get("key")).startswith(("user.", "prompt"))
    ]
    return {**raw, "attributes": kept}


def _add_point(sums: _Sums, point: Point, amount: Decimal) -> bool:
    """Add what a point says, where its metric is read; False when its type is none that is known,
    so that it is said."""
    day, about = day_of(point.time), point.attributes
    if point.metric == COST:
        sums.add_cost(day, about, amount, point.page)
    elif point.metric in _BY_TYPE:
        names, unit = _BY_TYPE[point.metric]
        name = names.get(about.get("type", ""))
        if name is None:
            return False
        sums.add_usage(day, about, (name, unit), amount, point.page)
    elif point.metric in _ACTIVITY:
        sums.add_usage(day, about, _ACTIVITY[point.metric], amount, point.page)
    return True


def _left_out(empty: int, unknown: Counter[str]) -> Iterator[Note]:
    if empty:
        yield Note("no_value", f"{counted(empty, 'point')} without a recorded value passed over")
    if unknown:
        types = [f"{name[:40]} ({number:,})" for name, number in unknown.most_common(_MOST_TYPES)]
        more = len(unknown) - len(types)
        yield Note(
            "unknown_type",
            f"{counted(unknown.total(), 'point')} of a type that is not known, so not counted: "
            f"{', '.join(types)}{f' and {more:,} more types' if more else ''}",
        )


def _series_notes(increments: Increments) -> Iterator[Note]:
    if increments.resets:
        yield Note(
            "counter_reset",
            f"{counted(len(increments.resets), 'running total')} fell: each is taken for a new "
            "beginning",
        )
    if increments.baselines:
        costs = [point.value for point in increments.baselines if point.metric == COST]
        yield Note(
            "began_before",
            f"{counted(len(increments.baselines), 'running total')} began on a day that is not in "
            f"this input; what they held at their first point is not counted (USD "
            f"{decimal_text(EXACT.create_decimal(sum(costs, Decimal(0))))} of it). Give the "
            "files of that day as well",
        )


def _skipped(documents: int, what: str) -> list[Note]:
    if not documents:
        return []
    text = f"{counted(documents, 'document')} of {what} passed over: they describe the same tokens"
    return [Note("not_read_twice", text)]


def _read_events(pages: Iterable[Page], reader: RowReader, sums: _Sums) -> list[Note]:
    seen: set[tuple[Any, ...]] = set()
    skipped = 0
    for page in pages:
        skipped += has_signal(page, "resourceMetrics")
        for resource, raw in events_of(page):
            try:
                event = read_event(page, resource, _mended(reader, raw))
                if event.name == "api_request":
                    _add_event(sums, event, seen)
            except BadValueError as error:
                reader.reject(page, _plain(raw), error)
    return _skipped(skipped, "metrics")


def _add_event(sums: _Sums, event: Event, seen: set[tuple[Any, ...]]) -> None:
    """Add one request, once. All numbers are read before any is added."""
    name = (event.time, *sorted(event.attributes.items()))
    if name in seen:
        return
    cost = exact(event.attributes.get("cost_usd"), "cost_usd")
    if cost < 0:
        raise BadValueError("cost_usd", cost, "bad_amount", "0 or more", fatal=True)
    tokens = {}
    for field, kind in _EVENT_TOKENS.items():
        if event.attributes.get(field):
            number = exact(event.attributes[field], field, fatal=False)
            if not 0 <= number <= 10**12:
                raise BadValueError(field, number, "bad_quantity", "0 or more tokens")
            tokens[_TOKENS[kind]] = number
    seen.add(name)
    day = day_of(event.time + 1)
    sums.add_cost(day, event.attributes, cost, event.page)
    for metric, quantity in tokens.items():
        sums.add_usage(day, event.attributes, (metric, "tokens"), quantity, event.page)


def _charges(sums: _Sums) -> Iterator[ChargeRecord | UsageRecord]:
    for key, cost in sorted(sums.costs.items()):
        day, account, session, model, repo, tag_text = key
        tags = json.loads(tag_text)
        place = sums.places["cost", *key]
        yield charge_record(
            CostLine(
                file_index=place[0],
                line=place[1],
                currency="USD",
                billed=cost,
                effective=cost,
                listed=cost,
                period=(day, day + _DAY),
                billing_account_id=account,
                provider="Anthropic",
                service_name="Claude Code",
                model=model,
                repository=repo,
                cost_center=tags.get("cost_center", ""),
                resource_id=session,
                resource_type="session" if session else "",
                description="Estimate of the client at list prices",
                tags=tags,
            )
        )


def _usage(sums: _Sums) -> Iterator[ChargeRecord | UsageRecord]:
    for key, quantity in sorted(sums.usage.items()):
        day, account, metric, unit, model, tag_text = key
        place = sums.places["usage", *key]
        yield usage_record(
            UsageRow(
                file_index=place[0],
                line=place[1],
                dataset="otel.claude_code",
                period=(day, day + _DAY),
                billing_account_id=account,
                provider="Anthropic",
                service_name="Claude Code",
                model=model,
                tags=json.loads(tag_text),
            ),
            metric,
            unit,
            EXACT.quantize(quantity, _FINEST),
        )
