"""Everything that imports leave behind, in a form in which two ways of importing are compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from billing.models import Allocation, Charge, ChargeSlice, DailyCost
from portal.models import AuditEvent

# What an import writes about itself: the run, from asked to closed, and its files.
ABOUT_RUNS = ("portal_importrun", "portal_importfile")
_LIVE = (
    "identity",
    "content",
    "day",
    "charge_period_start",
    "charge_period_end",
    "currency",
    "cost_basis",
    "billed_nano",
    "effective_nano",
    "list_nano",
    "contracted_nano",
    "pricing_quantity",
    "consumed_quantity",
    "dimension__digest",
    "slice__billing_account_id",
    "slice__billing_period_start",
)
_SLICE = (
    "billing_account_id",
    "billing_period_start",
    "day",
    "currency",
    "rows",
    "digest",
    "billed_nano",
    "effective_nano",
)
_DAILY = (
    "day",
    "use_case_id",
    "unallocated_reason",
    "provider",
    "service_name",
    "model",
    "currency",
    "cost_basis",
    "billed_nano",
    "effective_nano",
    "effective_unknown",
    "charges",
)
_ALLOCATION = ("charge__identity", "use_case_id", "billed_nano", "effective_nano")


@dataclass(frozen=True)
class World:
    """Live rows, slices, allocations and roll-ups as multisets; and the audit's head.

    `audit` is the head of the audit without the runs: SHA-256 over every event, in order, that is
    not about an import run or its files. Two histories have the same head when nothing else that is
    governed was written differently, in whichever order the runs came.
    """

    live: Counter[tuple[Any, ...]]
    slices: Counter[tuple[Any, ...]]
    allocations: Counter[tuple[Any, ...]]
    daily: Counter[tuple[Any, ...]]
    audit: str


def _multiset(rows: QuerySet[Any], fields: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    return Counter(rows.order_by().values_list(*fields))


def audit_head() -> str:
    """See `World`."""
    digest = hashlib.sha256()
    events = AuditEvent.objects.exclude(table__in=ABOUT_RUNS).order_by("pk")
    for event in events.values_list("operation", "table", "key", "before", "after", "reason"):
        digest.update(repr(event).encode())
    return digest.hexdigest()


def world() -> World:
    """What is stored now, of all connections."""
    live = Charge.objects.filter(superseded_at__isnull=True)
    return World(
        live=_multiset(live, _LIVE),
        slices=_multiset(ChargeSlice.objects.filter(rows__gt=0), _SLICE),
        allocations=_multiset(
            Allocation.objects.filter(charge__superseded_at__isnull=True), _ALLOCATION
        ),
        daily=_multiset(DailyCost.objects.all(), _DAILY),
        audit=audit_head(),
    )
