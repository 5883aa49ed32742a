"""From charges to use cases: the first matching rule takes a charge, its shares split it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q

from billing.allocation.match import Attributes, RuleMatch, matching_rules
from billing.allocation.split import split_by_weight
from billing.choices import UnallocatedReason
from billing.models import Allocation, AllocationRule, AllocationShare, Charge
from billing.models.allocation import WHOLE
from billing.services.close_corrections import mark_reallocated
from billing.services.rollups import refresh_daily_costs
from portal.imports.lock import lock_connection
from portal.imports.staging import StagingTable
from portal.models import Connection

_BATCH = 2_000

# The first rule in order whose dates contain the day; null when there is none.
_CHOOSE = """
INSERT INTO charge_choice (charge_id, rule_id)
SELECT t.charge_id, (
    SELECT m.rule_id FROM rule_match m
    WHERE m.dimension_id = c.dimension_id AND m.starts_on <= c.day
      AND (m.ends_on IS NULL OR c.day < m.ends_on)
    ORDER BY m.place LIMIT 1)
FROM allocation_target t JOIN billing_charge c ON c.id = t.charge_id
"""
_INSERT_UNMATCHED = """
INSERT INTO billing_allocation
    (charge_id, rule_id, use_case_id, day, billed_nano, effective_nano, unallocated_reason)
SELECT c.id, NULL, NULL, c.day, c.billed_nano, c.effective_nano, %s
FROM charge_choice x JOIN billing_charge c ON c.id = x.charge_id WHERE x.rule_id IS NULL
"""
_INSERT_WHOLE = """
INSERT INTO billing_allocation
    (charge_id, rule_id, use_case_id, day, billed_nano, effective_nano, unallocated_reason)
SELECT c.id, x.rule_id, w.use_case_id, c.day, c.billed_nano, c.effective_nano, ''
FROM charge_choice x
JOIN whole_rule w ON w.rule_id = x.rule_id
JOIN billing_charge c ON c.id = x.charge_id
"""


def live_rules(connection_id: int) -> list[RuleMatch]:
    """The live rules for a connection in the order in which they apply."""
    rows = (
        AllocationRule.objects.filter(
            Q(connection__isnull=True) | Q(connection_id=connection_id), retired_at__isnull=True
        )
        .order_by("priority", "created_at", "pk")
        .values_list(
            "pk", "field", "tag_key", "mode", "value", "starts_on", "ends_on", "connection_id"
        )
    )
    return [RuleMatch(*row) for row in rows]


def allocate_staged_targets(*, connection_id: int) -> None:
    """Allocate the live charges whose ids are in the temporary table `allocation_target`.

    They must have no allocations yet. Runs inside the caller's transaction.
    """
    rules = live_rules(connection_id)
    _stage_matches(rules)
    choice = StagingTable(
        "charge_choice", {"charge_id": "bigint", "rule_id": "bigint"}, primary_key=["charge_id"]
    )
    choice.create()
    whole, split = _rule_shares([rule.rule_id for rule in rules])
    whole_rule = StagingTable(
        "whole_rule", {"rule_id": "bigint", "use_case_id": "bigint"}, primary_key=["rule_id"]
    )
    whole_rule.create()
    whole_rule.load(whole.items())
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE)
        choice.analyze()
        cursor.execute(_INSERT_UNMATCHED, [UnallocatedReason.NO_RULE])
        cursor.execute(_INSERT_WHOLE)
    if split:
        _insert_split(split)
    for name in ("rule_match", "charge_choice", "whole_rule"):
        StagingTable(name, {}).drop()


def _stage_matches(rules: Sequence[RuleMatch]) -> None:
    table = StagingTable(
        "rule_match",
        {
            "dimension_id": "bigint",
            "place": "integer",
            "rule_id": "bigint",
            "starts_on": "date",
            "ends_on": "date",
        },
        primary_key=["dimension_id", "place"],
    )
    table.create()
    table.load(_matches(rules))
    table.analyze()


def _matches(rules: Sequence[RuleMatch]) -> Iterator[tuple[int, int, int, date, date | None]]:
    """Every dimension among the targets, with the rules that match it."""
    if not rules:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.id, d.sub_account_id, d.sub_account_name, d.service_name, d.resource_id, "
            "d.tags FROM billing_chargedimension d WHERE d.id IN (SELECT c.dimension_id "
            "FROM allocation_target t JOIN billing_charge c ON c.id = t.charge_id)"
        )
        dimensions = cursor.fetchall()
    for dimension_id, *attributes in dimensions:
        for place, rule in enumerate(matching_rules(rules, Attributes(*attributes))):
            yield (dimension_id, place, rule.rule_id, rule.starts_on, rule.ends_on)


def _rule_shares(
    rule_ids: Sequence[int],
) -> tuple[dict[int, int], dict[int, list[tuple[int | None, int]]]]:
    """Rules that give everything to one use case, and those that split."""
    shares: dict[int, list[tuple[int | None, int]]] = {}
    for rule_id, use_case_id, share in (
        AllocationShare.objects.filter(rule_id__in=rule_ids)
        .order_by("rule_id", "pk")
        .values_list("rule_id", "use_case_id", "share")
    ):
        shares.setdefault(rule_id, []).append((use_case_id, share))
    whole: dict[int, int] = {}
    split: dict[int, list[tuple[int | None, int]]] = {}
    for rule_id, parts in shares.items():
        first_use_case = parts[0][0]
        if len(parts) == 1 and parts[0][1] == WHOLE and first_use_case is not None:
            whole[rule_id] = first_use_case
            continue
        rest = WHOLE - sum(share for _, share in parts)
        split[rule_id] = [*parts, (None, rest)] if rest else parts
    return whole, split


def _insert_split(split: dict[int, list[tuple[int | None, int]]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, x.rule_id, c.day, c.billed_nano, c.effective_nano "
            "FROM charge_choice x JOIN billing_charge c ON c.id = x.charge_id "
            "WHERE x.rule_id IS NOT NULL AND x.rule_id NOT IN (SELECT rule_id FROM whole_rule)"
        )
        rows = cursor.fetchall()
    parts = _split_rows(rows, split)
    while batch := list(islice(parts, _BATCH)):
        Allocation.objects.bulk_create(batch)


def _split_rows(
    rows: Iterable[tuple[int, int, date, int, int | None]],
    split: dict[int, list[tuple[int | None, int]]],
) -> Iterator[Allocation]:
    for charge_id, rule_id, day, billed, effective in rows:
        receivers = split[rule_id]
        weights = [share for _, share in receivers]
        billed_parts = split_by_weight(billed, weights)
        effective_parts: Sequence[int | None] = (
            [None] * len(weights) if effective is None else split_by_weight(effective, weights)
        )
        for (use_case_id, _), billed_part, effective_part in zip(
            receivers, billed_parts, effective_parts, strict=True
        ):
            yield Allocation(
                charge_id=charge_id,
                rule_id=rule_id,
                use_case_id=use_case_id,
                day=day if isinstance(day, date) else date.fromisoformat(day),
                billed_nano=billed_part,
                effective_nano=effective_part,
                unallocated_reason="" if use_case_id else UnallocatedReason.REMAINDER,
            )


def stage_targets() -> StagingTable:
    """Make the empty temporary table that `allocate_staged_targets` reads."""
    table = StagingTable("allocation_target", {"charge_id": "bigint"}, primary_key=["charge_id"])
    table.create()
    return table


@transaction.atomic
def reallocate(*, connection_id: int, start: date, end: date, at: datetime) -> int:
    """Allocate all live charges of a connection in a half-open range of days (UTC) anew.

    Returns:
        how many charges were allocated.
    """
    lock_connection(connection_id)
    charges = Charge.objects.filter(
        slice__connection_id=connection_id,
        day__gte=start,
        day__lt=end,
        superseded_at__isnull=True,
    )
    days = set(charges.values_list("day", flat=True).distinct())
    if not days:
        return 0
    targets = stage_targets()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO allocation_target (charge_id) SELECT c.id FROM billing_charge c "
            "JOIN billing_chargeslice s ON s.id = c.slice_id WHERE s.connection_id = %s "
            "AND c.day >= %s AND c.day < %s AND c.superseded_at IS NULL",
            [connection_id, start, end],
        )
        targets.analyze()
        cursor.execute(
            "DELETE FROM billing_allocation WHERE charge_id IN "
            "(SELECT charge_id FROM allocation_target)"
        )
        cursor.execute("SELECT COUNT(*) FROM allocation_target")
        count: int = cursor.fetchone()[0]
    allocate_staged_targets(connection_id=connection_id)
    mark_reallocated(connection_id=connection_id, start=start, end=end, at=at)
    refresh_daily_costs(connection_id=connection_id, days=days)
    targets.drop()
    return count


def reallocate_everything(*, start: date, end: date, at: datetime) -> dict[str, int]:
    """`reallocate` for every connection that has charges; returns charges by connection slug."""
    counts: dict[str, int] = {}
    for pk, slug in (
        Connection.objects.filter(charge_slices__isnull=False)
        .distinct()
        .order_by("slug")
        .values_list("pk", "slug")
    ):
        counts[slug] = reallocate(connection_id=pk, start=start, end=end, at=at)
    return counts
