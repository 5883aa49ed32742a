"""What every cost source yields: one frozen record a cost line, in FOCUS terms.

Amounts leave the source as exact nano-units plus the digits that nano-units cannot hold, so that
the ledger can state the residue; nothing passes through a binary float.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID


class Dimension(NamedTuple):
    """Everything about a cost line that repeats from line to line; absent text is ``''``.

    `model` to `principal_id` are ours, because FOCUS has no words for them: the model that ran, the
    key, cost centre and repository it ran for, and the person or role (for the rule *team of the
    principal* only; no page but the single cost line shows it). `tags` and `extra` are JSON objects
    as canonical text (sorted keys, no blanks); `extra` keeps custom `x_` columns. `digest` names
    the rest and is the row's identity in storage.
    """

    digest: UUID
    billing_account_id: str
    billing_account_name: str
    sub_account_id: str
    sub_account_name: str
    provider: str
    publisher: str
    invoice_issuer: str
    invoice_id: str
    service_category: str
    service_name: str
    sku_id: str
    sku_price_id: str
    sku_meter: str
    resource_id: str
    resource_name: str
    resource_type: str
    region_id: str
    charge_category: str
    charge_class: str
    charge_frequency: str
    charge_description: str
    pricing_category: str
    pricing_unit: str
    pricing_currency: str
    consumed_unit: str
    commitment_discount_id: str
    commitment_discount_status: str
    model: str
    api_key_id: str
    cost_center: str
    repository: str
    principal_id: str
    tags: str
    extra: str


class ChargeRecord(NamedTuple):
    """One cost line. Money in nano-units (10⁻⁹) of `currency`; times in UTC, half-open.

    `identity` is a digest of everything but amounts and quantities (dimension, periods,
    currency); `content` is a digest of the amounts and quantities. Two lines alike in both are
    two lines: the store numbers them. `measures` holds further amounts, prices and quantities of
    the line (unit prices, amounts in the pricing currency) as canonical JSON; they count as
    content, and stay out of the dimension, which they would make a new one for every line.
    """

    file_index: int
    line: int
    identity: UUID
    content: UUID
    dimension: Dimension
    charge_period_start: datetime
    charge_period_end: datetime
    billing_period_start: datetime
    billing_period_end: datetime
    currency: str
    billed_nano: int
    effective_nano: int | None
    list_nano: int | None
    contracted_nano: int | None
    billed_exact: Decimal
    effective_exact: Decimal | None
    pricing_quantity: str
    consumed_quantity: str
    measures: str = "{}"


# Ends the name of a report that says how things stand when it is taken (seats today). It is silent
# about the other days of a window, so their absence withdraws nothing.
SNAPSHOT = ".snapshot"


class UsageDimension(NamedTuple):
    """Everything about a quantity that repeats; absent text is ``''``. Holds no person."""

    digest: UUID
    dataset: str
    billing_account_id: str
    sub_account_id: str
    api_key_id: str
    provider: str
    service_name: str
    model: str
    service_tier: str
    metric: str
    unit: str
    tags: str


class UsageRecord(NamedTuple):
    """One quantity in millionths of its unit; times in UTC, half-open. `identity` is a digest of
    dimension and period. Two quantities of one identity are two rows that are added."""

    file_index: int
    line: int
    identity: UUID
    dimension: UsageDimension
    period_start: datetime
    period_end: datetime
    quantity_micro: int


class ExportPart(NamedTuple):
    """One billing period of an export, of which every file is there: its cost lines follow.

    It replaces the whole period, days that are no longer in it included. `made_at` is RFC 3339 in
    UTC with whole seconds, so that texts sort as times; empty when nothing says it.
    """

    period_start: date
    made_at: str
    execution: str
    data_set: str


class ControlTotal(NamedTuple):
    """What a provider itself says that a billing period has come to, to be held against the sum of
    its cost lines. It is compared and never added.

    Attributes:
        name: what a person reads, such as `Cursor on-demand spend`.
        billing_account_id: whose.
        billing_period_start: which period, in UTC.
        measure: `billed` or `effective`.
        currency, expected: the provider's total, less what is not imported yet, in major units.
        bound: a larger difference is held for a person.
        may_fall_short: the provider may say less than the lines (it forgets deleted keys).
    """

    name: str
    billing_account_id: str
    billing_period_start: datetime
    measure: str
    currency: str
    expected: Decimal
    bound: Decimal
    may_fall_short: bool = False
