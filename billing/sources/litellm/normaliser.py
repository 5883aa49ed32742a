"""From a call, or a day of a model and key, to an estimate and quantities.

The proxy multiplies tokens by list prices. It is no bill: the provider behind it sends that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.lines import (
    DAY,
    BadValueError,
    CostLine,
    charge_record,
    exact,
    instant,
)
from billing.sources.litellm.config import LiteLLMConfig
from billing.sources.pages import Page
from billing.sources.quantities import QuantitySums, day_of, quantity, text_of
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.usage_rows import Quantity, UsageRow
from portal.shell.money import EXACT
from portal.wording import counted

SERVICE = "LiteLLM proxy"
LOGS = "litellm.spend_logs"
ACTIVITY = "litellm.daily_activity"
HOUR = timedelta(hours=1)
CACHED_EXCEED = "cached_exceed_prompt"


class Quantities:
    """Quantities of rows, added up. A row in which one cannot be read gives none and keeps its
    cost: with the cost left out too, the proxy's sum would silently be too low."""

    def __init__(self) -> None:
        self._sums = QuantitySums()
        self._left_out: Counter[str] = Counter()  # rows, by what is wrong with them

    def add(self, row: UsageRow, read: Callable[[], list[Quantity]]) -> None:
        """Add what `read` makes of a row: all of it, or nothing when a part is bad."""
        try:
            self._sums.add(row, read())
        except BadValueError as error:
            self._left_out[_fault(error)] += 1

    def take(self) -> tuple[UsageRecord, ...]:
        """The sums as records.

        Raises:
            ImportRefusedError: a sum does not fit.
        """
        return self._sums.take()

    def left_out(self) -> str:
        """Of how many rows the quantities are missing, and why; `''` when of none."""
        if not self._left_out:
            return ""
        why = "; ".join(f"{fault} in {count:,}" for fault, count in sorted(self._left_out.items()))
        rows = counted(self._left_out.total(), "row")
        return f"The quantities of {rows} are left out, the cost is taken: {why}."


def _fault(error: BadValueError) -> str:
    if error.code == CACHED_EXCEED:
        return "more cached tokens than prompt_tokens"
    return f"{error.field} negative, unreadable or too large"


def charge_of_call(
    row: Mapping[str, Any], page: Page, config: LiteLLMConfig, sums: Quantities
) -> ChargeRecord:
    """The cost line of one call, in US dollars, of the UTC hour in which it started.

    Who called is the owner of the key; `user` and `end_user` are what the caller wrote.

    Raises:
        BadValueError: its time, its spend or a name cannot be read.
    """
    about = _object(row, "metadata")
    at = instant(row.get("startTime"), "startTime")
    hour = at.replace(minute=0, second=0, microsecond=0)
    line = _line(
        row,
        page,
        config,
        period=(hour, hour + HOUR),
        spend=exact(row.get("spend"), "spend"),
        sub_account_id=text_of(row, "team_id") or text_of(about, "user_api_key_team_id"),
        sub_account_name=text_of(about, "user_api_key_team_alias"),
        principal_id=text_of(about, "user_api_key_user_id"),
        tags=tags_of(row.get("request_tags")),
        measures={"request_id": text_of(row, "request_id"), "started_at": at.isoformat()},
    )
    record = charge_record(line)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    sums.add(_usage_row(line, LOGS, (day, day + DAY)), lambda: _quantities_of_call(row, about))
    return record


def charge_of_day(
    row: Mapping[str, Any], page: Page, config: LiteLLMConfig, sums: Quantities
) -> ChargeRecord:
    """The cost line of a day of one model and key, in US dollars.

    Raises:
        BadValueError: its day, its spend or a name cannot be read.
    """
    start = day_of(row, "date")
    line = _line(
        row,
        page,
        config,
        period=(start, start + DAY),
        spend=exact(row.get("spend"), "spend"),
        sub_account_id=text_of(row, "team_id"),
        principal_id=text_of(row, "user_id"),
    )
    record = charge_record(line)
    sums.add(_usage_row(line, ACTIVITY, line.period), lambda: _quantities_of_day(row))
    return record


def rows_of_day(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A day of daily activity as rows of model and key. Its other breakdowns (provider, key,
    entity, endpoint) are the same spend cut otherwise and are never added to it.

    Raises:
        BadValueError: the rows do not come to the day's spend, or the form is another.
    """
    rows: list[dict[str, Any]] = []
    for model, cell in _object(_object(result, "breakdown"), "models").items():
        keys = _object(cell, "api_key_breakdown") if isinstance(cell, dict) else {}
        if not keys:
            rows.append({**_metrics(cell), "date": result.get("date"), "model": model})
        for key, part in keys.items():
            about = _object(part, "metadata")
            rows.append(
                {
                    **_metrics(part),
                    "date": result.get("date"),
                    "model": model,
                    "api_key": key,
                    "key_alias": about.get("key_alias"),
                    "team_id": about.get("team_id"),
                }
            )
    whole = exact(_metrics(result).get("spend"), "metrics.spend")
    parts = Decimal(0)
    for row in rows:
        parts = EXACT.add(parts, exact(row.get("spend"), "spend"))
    if abs(EXACT.subtract(whole, parts)) > Decimal("0.000001"):
        raise BadValueError(
            "metrics.spend",
            whole,
            "parts_differ",
            f"the sum of its models and keys, {parts}",
            fatal=True,
        )
    return rows


def tags_of(tags: Any) -> dict[str, str]:
    """Request tags as keys and values: `use-case:faq` is a key with a value, a bare tag is `true`.

    The proxy counts a call once for each of its tags. Here it stays one line with all of them.

    Raises:
        BadValueError: they are no list.
    """
    if tags is None:
        return {}
    if not isinstance(tags, list):
        raise BadValueError("request_tags", tags, "bad_tags", "a list of texts")
    found: dict[str, str] = {}
    for tag in sorted({str(each).replace("\0", "") for each in tags}):
        key, colon, value = tag.partition(":")
        key, value = (key, value.strip()) if colon else (tag, "true")
        found[key.strip()] = f"{found[key.strip()]}, {value}" if key.strip() in found else value
    return found


def _line(
    row: Mapping[str, Any], page: Page, config: LiteLLMConfig, *, spend: Decimal, **fields: Any
) -> CostLine:
    about = _object(row, "metadata")
    extra = {
        "model_group": text_of(row, "model_group"),
        "key_alias": text_of(row, "key_alias") or text_of(about, "user_api_key_alias"),
        "call_type": text_of(row, "call_type"),
        "status": text_of(row, "status"),
    }
    return CostLine(
        file_index=page.file.index,
        line=page.line,
        currency="USD",
        billed=spend,
        effective=spend,
        listed=spend,
        billing_account_id=config.organization or "litellm",
        provider="LiteLLM",
        publisher=text_of(row, "custom_llm_provider"),
        service_name=SERVICE,
        model=text_of(row, "model"),
        api_key_id=text_of(row, "api_key"),
        extra={name: value for name, value in extra.items() if value},
        **fields,
    )


def _usage_row(line: CostLine, dataset: str, period: tuple[datetime, datetime]) -> UsageRow:
    return UsageRow(
        file_index=line.file_index,
        line=line.line,
        dataset=dataset,
        period=period,
        billing_account_id=line.billing_account_id,
        sub_account_id=line.sub_account_id,
        api_key_id=line.api_key_id,
        provider=line.provider,
        service_name=line.service_name,
        model=line.model,
    )


def _quantities_of_call(row: Mapping[str, Any], about: Mapping[str, Any]) -> list[Quantity]:
    usage = _object(about, "usage_object")
    details = _object(usage, "prompt_tokens_details")
    read = quantity(usage, "cache_read_input_tokens") or quantity(details, "cached_tokens")
    written = quantity(usage, "cache_creation_input_tokens")
    return _quantities(row, read, written, Decimal(1))


def _quantities_of_day(row: Mapping[str, Any]) -> list[Quantity]:
    read = quantity(row, "cache_read_input_tokens")
    written = quantity(row, "cache_creation_input_tokens")
    return _quantities(row, read, written, quantity(row, "api_requests"))


def _quantities(
    row: Mapping[str, Any], read: Decimal, written: Decimal, requests: Decimal
) -> list[Quantity]:
    """Disjoint token counts: the proxy's prompt tokens include what came from the cache."""
    fresh = EXACT.subtract(EXACT.subtract(quantity(row, "prompt_tokens"), read), written)
    if fresh < 0:
        raise BadValueError(
            "prompt_tokens",
            row.get("prompt_tokens"),
            CACHED_EXCEED,
            f"{read + written} or more, because the cached tokens are among them",
        )
    return [
        ("tokens.input.uncached", "tokens", fresh),
        ("tokens.input.cache_read", "tokens", read),
        ("tokens.input.cache_write", "tokens", written),
        ("tokens.output", "tokens", quantity(row, "completion_tokens")),
        ("requests", "requests", requests),
    ]


def _metrics(cell: Any) -> dict[str, Any]:
    """The numbers of a cell; older proxies write them without a wrapping `metrics`."""
    if not isinstance(cell, dict):
        raise BadValueError("metrics", cell, "bad_object", "a JSON object")
    return dict(_object(cell, "metrics")) if "metrics" in cell else dict(cell)


def _object(row: Any, key: str) -> Mapping[str, Any]:
    value = row.get(key) if isinstance(row, dict) else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValueError(key, value, "bad_object", "a JSON object")
    return value
