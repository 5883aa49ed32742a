"""Rows of Anthropic's reports as cost lines and quantities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.sources.anthropic.dimensions import further_of, split_principal, without_people
from billing.sources.anthropic.rows import amount_of, dimensions_of, has_amount
from billing.sources.buckets import Period, Row, part_of, rows_of, text_of
from billing.sources.lines import (
    BadValueError,
    CostLine,
    charge_record,
    currency_code,
    exact,
    month_of,
)
from billing.sources.pages import Page
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.usage_rows import Quantity, UsageRow, usage_records
from portal.shell.money import EXACT

PROVIDER = "Anthropic"
DEFAULT_WORKSPACE = "default"
# What is counted: its key, our metric, its unit. Disjoint: no token is in two of them.
Counted = Mapping[str, tuple[str, str]]
TOKENS: Counted = {
    "uncached_input_tokens": ("tokens.input.uncached", "tokens"),
    "cache_read_input_tokens": ("tokens.input.cache_read", "tokens"),
    "output_tokens": ("tokens.output", "tokens"),
}
CACHE_WRITES: Counted = {
    "ephemeral_5m_input_tokens": ("tokens.input.cache_write_5m", "tokens"),
    "ephemeral_1h_input_tokens": ("tokens.input.cache_write_1h", "tokens"),
}
TOOLS: Counted = {"web_search_requests": ("tool.web_search", "requests")}
REQUESTS: Counted = {"requests": ("requests", "requests")}
CLAUDE_CODE_TOKENS: Counted = {
    "input": ("tokens.input.uncached", "tokens"),
    "output": ("tokens.output", "tokens"),
    "cache_read": ("tokens.input.cache_read", "tokens"),
    "cache_creation": ("tokens.input.cache_write", "tokens"),
}
_KEPT = (
    *("cost_type", "token_type", "service_tier", "context_window"),
    *("inference_geo", "speed", "product"),
)
# What of a row has its place in a line or a quantity, or says nothing about either.
_PERIOD = ("starting_at", "ending_at")
_COST_READ = frozenset(
    (
        *(*_PERIOD, *_KEPT, *REQUESTS, "currency", "amount", "list_amount"),
        *("workspace_id", "api_key_id", "model", "description"),
    )
)
_USAGE_READ = frozenset(
    (
        *(*_PERIOD, *TOKENS, *REQUESTS, "cache_creation", "server_tool_use"),
        *("workspace_id", "api_key_id", "model", "service_tier", "product"),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands, and what is known around it.

    Attributes:
        workspaces: names by id.
        is_grouped: whether a null workspace means the default one; else it says nothing.
    """

    page: Page
    report: str
    organization: str
    workspaces: Mapping[str, str] = field(default_factory=dict)
    is_grouped: bool = True

    @property
    def account(self) -> str:
        """The billing account of every line."""
        return self.organization or PROVIDER.lower()

    def workspace(self, names: Row) -> tuple[str, str]:
        """Id and name of the workspace; null is the default workspace, which is one."""
        found = text_of(names, "workspace_id")
        if found:
            return found, self.workspaces.get(found, "")
        return (DEFAULT_WORKSPACE, "Default workspace") if self.is_grouped else ("", "")


def charge_of(row: Row, period: Period, place: Place) -> ChargeRecord:
    """A row of a cost report, in US dollars.

    Raises:
        BadValueError: something of it cannot be taken.
        ImportRefusedError: rows of such an answer must not be added.
    """
    names = dimensions_of(row)
    principal, kept = _attributes(row, names, place)
    workspace, workspace_name = (
        ("", "") if place.report == "analytics/cost_report" else (place.workspace(names))
    )
    amount = amount_of(row)
    return charge_record(
        CostLine(
            file_index=place.page.file.index,
            line=place.page.line,
            currency="USD",
            billed=amount,
            effective=amount,
            listed=amount_of(row, "list_amount") if has_amount(row, "list_amount") else None,
            period=period,
            billing_account_id=place.account,
            sub_account_id=workspace,
            sub_account_name=workspace_name,
            provider=PROVIDER,
            publisher=PROVIDER,
            invoice_issuer=PROVIDER,
            service_name=_service(place.report, kept.get("product", "")),
            description=text_of(names, "description"),
            sku_meter=kept.get("token_type") or kept.get("cost_type", ""),
            region_id=_region(kept.get("inference_geo", "")),
            model=text_of(names, "model"),
            api_key_id=text_of(names, "api_key_id"),
            principal_id=principal,
            extra=kept,
        )
    )


def _attributes(row: Row, names: Row, place: Place) -> tuple[str, dict[str, str]]:
    """Who was behind a cost line, and what else tells it from its neighbours."""
    kept = {key: value for key in _KEPT if (value := text_of(names, key))}
    if names.keys() <= _COST_READ:
        return "", kept
    principal, further = split_principal(further_of(row, _COST_READ, place.page))
    return principal, {**kept, **further}


def _service(report: str, product: str) -> str:
    if product:
        return f"Claude ({product.replace('_', ' ')})"
    return "Claude Enterprise" if report == "analytics/cost_report" else "Claude API"


def _region(geo: str) -> str:
    return "" if geo == "not_available" else geo


def quantities_of(row: Row, period: Period, place: Place) -> Iterator[UsageRecord]:
    """The quantities of a row of a usage report; buckets of nothing are left out.

    Raises:
        BadValueError: one of them cannot be taken.
        ImportRefusedError: rows of such an answer must not be added.
    """
    names = dimensions_of(row)
    numbers = part_of(row, "usage") if "usage" in row else row
    is_enterprise = place.report == "analytics/usage_report"
    return usage_records(
        _usage_row(
            place,
            period,
            service_name=_service(place.report, text_of(names, "product")),
            sub_account_id="" if is_enterprise else place.workspace(names)[0],
            api_key_id=text_of(names, "api_key_id"),
            model=text_of(names, "model"),
            service_tier=text_of(names, "service_tier"),
            tags=without_people(further_of(row, _USAGE_READ, place.page)),
        ),
        [
            *_counted(numbers, TOKENS),
            *_counted(part_of(numbers, "cache_creation"), CACHE_WRITES),
            *_counted(part_of(numbers, "server_tool_use"), TOOLS),
            *_counted(numbers, REQUESTS),
        ],
    )


def _usage_row(place: Place, period: Period, **said: Any) -> UsageRow:
    """What the quantities of a row have in common."""
    return UsageRow(
        file_index=place.page.file.index,
        line=place.page.line,
        dataset=f"anthropic.{place.report.replace('/', '.')}",
        period=period,
        billing_account_id=place.account,
        provider=PROVIDER,
        **said,
    )


def _counted(numbers: Row, metrics: Counted) -> Iterator[Quantity]:
    """Those of nothing are left out."""
    for key, (metric, unit) in metrics.items():
        value = numbers.get(key)
        if value is None:
            continue
        amount = exact(value, key, fatal=False)
        if amount:
            yield metric, unit, amount


def estimates_of(row: Row, period: Period, place: Place) -> Iterator[ChargeRecord | UsageRecord]:
    """A row of Claude Code analytics: for each model an estimate in US dollars, and its tokens.

    Who it was is left out: a key's name stays, a person's address does not.

    Raises:
        BadValueError: something of it cannot be taken.
    """
    key_name = text_of(part_of(row, "actor"), "api_key_name")
    tags = {
        key: value
        for key in ("terminal_type", "customer_type", "subscription_type")
        if (value := text_of(row, key))
    }
    account = place.organization or text_of(row, "organization_id") or place.account
    for used in rows_of(row, "model_breakdown"):
        yield _estimate(used, period, place, account=account, key_name=key_name, tags=tags)
        yield from usage_records(
            _usage_row(
                place, period, service_name="Claude Code", model=text_of(used, "model"), tags=tags
            ),
            _counted(part_of(used, "tokens"), CLAUDE_CODE_TOKENS),
        )


def _estimate(
    used: Row,
    period: Period,
    place: Place,
    *,
    account: str,
    key_name: str,
    tags: Mapping[str, str],
) -> ChargeRecord:
    cost = part_of(used, "estimated_cost")
    if currency_code(cost.get("currency"), "estimated_cost.currency") != "USD":
        raise BadValueError(
            "estimated_cost.currency", cost.get("currency"), "bad_currency", "USD", fatal=True
        )
    cents: Decimal = exact(cost.get("amount"), "estimated_cost.amount")
    amount = cents.scaleb(-2, context=EXACT)
    return charge_record(
        CostLine(
            file_index=place.page.file.index,
            line=place.page.line,
            currency="USD",
            billed=amount,
            effective=amount,
            listed=amount,
            period=period,
            billing_period=month_of(period[0]),
            billing_account_id=account,
            provider=PROVIDER,
            publisher=PROVIDER,
            invoice_issuer=PROVIDER,
            service_name="Claude Code",
            description="Claude Code, estimated at list price",
            model=text_of(used, "model"),
            resource_name=key_name,
            resource_type="API key" if key_name else "",
            tags=tags,
        )
    )
