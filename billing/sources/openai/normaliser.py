"""Rows of OpenAI's costs and usage as cost lines and quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from billing.sources.buckets import Period, Row, text_of
from billing.sources.lines import (
    BadValueError,
    CostLine,
    charge_record,
    exact,
)
from billing.sources.openai.owners import Owners
from billing.sources.openai.rows import amount_of
from billing.sources.pages import Page
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.usage_rows import UsageRow, usage_records

PROVIDER = "OpenAI"
SERVICE = "OpenAI API"
_MODEL = re.compile(r"([A-Za-z0-9][\w.:/-]*), [a-z]", re.ASCII)
# What else each usage report counts: its key, our metric, its unit.
COUNTED: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "completions": (
        ("output_tokens", "tokens.output", "tokens"),
        ("num_model_requests", "requests", "requests"),
    ),
    "embeddings": (
        ("input_tokens", "tokens.input.uncached", "tokens"),
        ("num_model_requests", "requests", "requests"),
    ),
    "moderations": (
        ("input_tokens", "tokens.input.uncached", "tokens"),
        ("num_model_requests", "requests", "requests"),
    ),
    "images": (
        ("images", "images", "images"),
        ("num_model_requests", "requests", "requests"),
    ),
    "audio_speeches": (
        ("characters", "characters", "characters"),
        ("num_model_requests", "requests", "requests"),
    ),
    "audio_transcriptions": (
        ("seconds", "audio.seconds", "seconds"),
        ("num_model_requests", "requests", "requests"),
    ),
    "vector_stores": (("usage_bytes", "storage.bytes", "bytes"),),
    "code_interpreter_sessions": (("num_sessions", "sessions", "sessions"),),
    "file_search_calls": (("num_requests", "tool.file_search", "requests"),),
    "web_search_calls": (("num_requests", "tool.web_search", "requests"),),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands, and the names that are known around it, by id."""

    page: Page
    organization: str
    projects: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)

    @property
    def account(self) -> str:
        """The billing account of every line."""
        return self.organization or PROVIDER.lower()


def charge_of(row: Row, period: Period, place: Place) -> ChargeRecord:
    """A row of costs, in its own currency.

    Raises:
        BadValueError: something of it cannot be taken.
    """
    amount, currency = amount_of(row)
    project, key = text_of(row, "project_id"), text_of(row, "api_key_id")
    item = text_of(row, "line_item")
    quantity = row.get("quantity")
    return charge_record(
        CostLine(
            file_index=place.page.file.index,
            line=place.page.line,
            currency=currency,
            billed=amount,
            effective=amount,
            period=period,
            billing_account_id=place.account,
            sub_account_id=project,
            sub_account_name=place.projects.get(project, ""),
            provider=PROVIDER,
            publisher=PROVIDER,
            invoice_issuer=PROVIDER,
            service_name=SERVICE,
            description=item,
            sku_meter=item,
            model=model_in(item),
            api_key_id=key,
            principal_id=place.owners.of_key(key),
            resource_id=key,
            resource_name=place.keys.get(key, ""),
            resource_type="API key" if key else "",
            consumed_quantity=None
            if quantity is None
            else exact(quantity, "quantity", fatal=False),
            consumed_unit=text_of(row, "quantity_unit"),
        )
    )


def model_in(line_item: str) -> str:
    """The model that a line item names in front, as in `model-1, output`; nothing otherwise.

    Line items are free text, so this is for grouping only: the line item itself stays.
    """
    found = _MODEL.match(line_item)
    return found[1] if found else ""


def quantities_of(row: Row, period: Period, place: Place, report: str) -> Iterator[UsageRecord]:
    """The quantities of a row of a usage report, disjoint; those of nothing are left out.

    Args:
        report: the last word of its address, such as `completions`.

    Raises:
        BadValueError: one of them cannot be taken, or the parts exceed the whole.
    """
    counted = [
        (metric, unit, number)
        for key, metric, unit in COUNTED[report]
        if (number := _number(row, key)) is not None
    ]
    if report == "completions":
        counted += [(metric, "tokens", number) for metric, number in _input_tokens(row)]
    batch = row.get("batch")
    return usage_records(
        UsageRow(
            file_index=place.page.file.index,
            line=place.page.line,
            dataset=f"openai.usage.{report}",
            period=period,
            billing_account_id=place.account,
            provider=PROVIDER,
            service_name=SERVICE,
            sub_account_id=text_of(row, "project_id"),
            api_key_id=text_of(row, "api_key_id"),
            model=text_of(row, "model"),
            service_tier=text_of(row, "service_tier"),
            tags={} if batch is None else {"batch": "yes" if batch else "no"},
        ),
        ((metric, unit, number) for metric, unit, number in counted if number),
    )


def _number(row: Row, key: str) -> Decimal | None:
    value = row.get(key)
    return None if value is None else exact(value, key, fatal=False)


def _input_tokens(row: Row) -> list[tuple[str, Decimal]]:
    """Input split into what was sent anew, read from the cache and written to it.

    OpenAI's `input_tokens` holds all three. Older rows say less: without the cached part the split
    is not known, and the total is all that is said. One other part that is not said is the rest.
    """
    total = exact(row.get("input_tokens"), "input_tokens", fatal=False)
    cached = _number(row, "input_cached_tokens")
    if cached is None:
        return [("tokens.input.total", total)]
    said = _number(row, "input_cache_write_tokens")
    told = _number(row, "input_uncached_tokens")
    if told is None:
        written = said or Decimal(0)
        fresh = total - cached - written
    else:
        written = total - cached - told if said is None else said
        fresh = told
    if min(written, fresh) < 0 or fresh + cached + written != total:
        raise BadValueError(
            "input_tokens",
            total,
            "parts_do_not_add_up",
            f"the sum of its parts: {cached} cached"
            + ("" if said is None else f", {said} written to the cache")
            + ("" if told is None else f", {told} neither"),
        )
    return [
        ("tokens.input.uncached", fresh),
        ("tokens.input.cache_read", cached),
        ("tokens.input.cache_write", written),
    ]
