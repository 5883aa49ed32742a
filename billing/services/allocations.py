"""From charges to use cases: the first matching rule takes a charge, its shares split it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice

from django.db import connection, transaction

from billing.allocation.match import Exclusion
from billing.allocation.people import People
from billing.allocation.sharing import BaseKey, Bases, Line, Sharing
from billing.allocation.trial import TrialRule
from billing.choices import SplitKind, UnallocatedReason
from billing.models import Allocation
from billing.selectors.trials import exclusions_recorded_at, rules_recorded_at
from billing.services.allocation_targets import (
    STAGED,
    Targets,
    day_of,
    stage_rule_days,
    stage_targets,
)
from billing.services.close_corrections import mark_reallocated
from billing.services.fact_lock import hold_what_facts_point_at
from billing.services.rollups import refresh_daily_costs
from billing.services.split_bases import bases_for, note_stale_bases
from portal.imports.lock import lock_connection
from portal.imports.staging import StagingTable, analyze_if_doubled
from portal.models import Connection

_BATCH = 2_000


def written_by(run_id: int) -> Targets:
    """What an import has written to the slices in the temporary table `slice_place`.

    The run is asked for in a subquery: PostgreSQL's planner then counts on as many lines as runs
    have on average. Of a value that its statistics have not seen yet, as that of the newest run, it
    would expect a single line, and compare all lines with all dimensions.
    """
    return Targets(
        "billing_charge c",
        "c.slice_id IN (SELECT slice_id FROM slice_place) AND c.run_id = (SELECT %s) "
        "AND c.superseded_at IS NULL",
        (run_id,),
    )


# A dimension has one rule a day, so a line finds one or none: null.
_CHOOSE = """
INSERT INTO charge_choice (charge_id, rule_id, reason)
SELECT c.id, r.rule_id, ''
FROM {found}
LEFT JOIN rule_days r ON r.dimension_id = c.dimension_id AND r.starts_on <= c.day
    AND (r.ends_on IS NULL OR c.day < r.ends_on)
WHERE {condition}
"""
_EXCLUDE = """
UPDATE charge_choice SET rule_id = NULL, reason = %s WHERE charge_id IN (
    SELECT c.id FROM charge_choice x JOIN billing_charge c ON c.id = x.charge_id
    JOIN billing_chargedimension d ON d.id = c.dimension_id
    WHERE c.day >= %s AND c.day < %s AND (%s = '' OR d.provider = %s))
"""
_INSERT_UNMATCHED = """
INSERT INTO billing_allocation
    (charge_id, rule_id, use_case_id, day, billed_nano, effective_nano, unallocated_reason)
SELECT c.id, NULL, NULL, c.day, c.billed_nano, c.effective_nano,
       CASE WHEN x.reason <> '' THEN x.reason
            WHEN d.commitment_discount_status = 'Unused' THEN %s ELSE %s END
FROM charge_choice x JOIN billing_charge c ON c.id = x.charge_id
JOIN billing_chargedimension d ON d.id = c.dimension_id WHERE x.rule_id IS NULL
"""
_INSERT_WHOLE = """
INSERT INTO billing_allocation
    (charge_id, rule_id, use_case_id, day, billed_nano, effective_nano, unallocated_reason)
SELECT c.id, x.rule_id, w.use_case_id, c.day, c.billed_nano, c.effective_nano, ''
FROM charge_choice x
JOIN whole_rule w ON w.rule_id = x.rule_id
JOIN billing_charge c ON c.id = x.charge_id
"""
_INSERT_AT_ONCE = """
INSERT INTO billing_allocation
    (charge_id, rule_id, use_case_id, day, billed_nano, effective_nano, unallocated_reason)
SELECT c.id, r.rule_id, w.use_case_id, c.day, c.billed_nano, c.effective_nano,
       CASE WHEN r.rule_id IS NOT NULL THEN ''
            WHEN d.commitment_discount_status = 'Unused' THEN %s ELSE %s END
FROM {found}
JOIN billing_chargedimension d ON d.id = c.dimension_id
LEFT JOIN rule_days r ON r.dimension_id = c.dimension_id AND r.starts_on <= c.day
    AND (r.ends_on IS NULL OR c.day < r.ends_on)
LEFT JOIN whole_rule w ON w.rule_id = r.rule_id
WHERE {condition}
"""
_TO_SPLIT = """
SELECT c.id, x.rule_id, d.principal_id, c.dimension_id, c.day, c.billed_nano, c.effective_nano,
       c.currency, c.cost_basis
FROM charge_choice x JOIN billing_charge c ON c.id = x.charge_id
JOIN billing_chargedimension d ON d.id = c.dimension_id
WHERE x.rule_id IS NOT NULL AND x.rule_id NOT IN (SELECT rule_id FROM whole_rule)
"""


def live_rules(connection_id: int) -> list[TrialRule]:
    """The live rules for a connection in the order in which they apply."""
    return [
        rule for rule in rules_recorded_at() if rule.match.connection_id in (None, connection_id)
    ]


def allocate_targets(targets: Targets, *, connection_id: int, at: datetime) -> None:
    """Allocate charges of one connection, inside the caller's transaction."""
    rules = live_rules(connection_id)
    people = stage_rule_days(rules, targets, connection_id)
    sharings = {rule.match.rule_id: rule.sharing for rule in rules}
    whole_rule = StagingTable(
        "whole_rule", {"rule_id": "bigint", "use_case_id": "bigint"}, primary_key=["rule_id"]
    )
    whole_rule.create()
    whole_rule.load([(pk, each.whole) for pk, each in sharings.items() if each.whole is not None])
    exclusions = [each for each in exclusions_recorded_at() if each.connection_id == connection_id]
    if exclusions or any(each.whole is None for each in sharings.values()):
        _allocate_by_choice(
            targets, sharings, exclusions, people, connection_id=connection_id, at=at
        )
    else:
        _allocate_whole(targets)
    for name in ("rule_days", "whole_rule"):
        StagingTable(name, {}).drop()


def _allocate_whole(targets: Targets) -> None:
    """Where no rule splits and nothing is left out, each charge has one part: in one pass."""
    with connection.cursor() as cursor:
        cursor.execute(
            targets.within(_INSERT_AT_ONCE),
            [UnallocatedReason.UNUSED_COMMITMENT, UnallocatedReason.NO_RULE, *targets.parameters],
        )
        analyze_if_doubled(["billing_allocation"], rows=cursor.rowcount)


def _allocate_by_choice(
    targets: Targets,
    sharings: Mapping[int, Sharing],
    exclusions: Iterable[Exclusion],
    people: People,
    *,
    connection_id: int,
    at: datetime,
) -> None:
    """Note first which rule takes each charge, because some of them are split one by one."""
    choice = StagingTable(
        "charge_choice",
        {"charge_id": "bigint", "rule_id": "bigint", "reason": "text"},
    )
    choice.create()
    with connection.cursor() as cursor:
        cursor.execute(targets.within(_CHOOSE), targets.parameters)
        _exclude(exclusions)
        choice.analyze()
        cursor.execute(
            _INSERT_UNMATCHED, [UnallocatedReason.UNUSED_COMMITMENT, UnallocatedReason.NO_RULE]
        )
        added = cursor.rowcount
        cursor.execute(_INSERT_WHOLE)
        added += cursor.rowcount
    analyze_if_doubled(["billing_allocation"], rows=added)
    if any(each.whole is None for each in sharings.values()):
        _insert_split(sharings, people, connection_id=connection_id, at=at)
    choice.drop()


def _exclude(exclusions: Iterable[Exclusion]) -> None:
    """What another source counts is taken by no rule."""
    with connection.cursor() as cursor:
        for each in exclusions:
            bounds = [each.days.start, each.days.end or date.max]
            reason = UnallocatedReason.NOT_COUNTED
            cursor.execute(_EXCLUDE, [reason, *bounds, each.provider, each.provider])


def _insert_split(
    sharings: Mapping[int, Sharing], people: People, *, connection_id: int, at: datetime
) -> None:
    """Split what is to be split: direct cost first, because proportional splits go by it."""
    with connection.cursor() as cursor:
        cursor.execute(_TO_SPLIT)
        rows = [
            (charge, rule, principal, _line(connection_id, *rest))
            for charge, rule, principal, *rest in cursor.fetchall()
        ]
    later = [row for row in rows if sharings[row[1]].kind == SplitKind.PROPORTIONAL]
    direct = (row for row in rows if sharings[row[1]].kind != SplitKind.PROPORTIONAL)
    _insert_parts(_split_rows(direct, sharings, {}, people))
    if not later:
        return
    keys = {BaseKey(rule, line.month, line.currency, line.basis) for _, rule, _, line in later}
    bases = bases_for(keys, sharings, at=at)
    _insert_parts(_split_rows(later, sharings, bases, people))


def _line(
    connection_id: int,
    dimension: int,
    day: date | str,
    billed: int,
    effective: int | None,
    currency: str,
    basis: str,
) -> Line:
    return Line(dimension, connection_id, day_of(day), billed, effective, currency, basis)


def _insert_parts(parts: Iterator[Allocation]) -> None:
    while batch := list(islice(parts, _BATCH)):
        Allocation.objects.bulk_create(batch)


def _split_rows(
    rows: Iterable[tuple[int, int, str, Line]],
    sharings: Mapping[int, Sharing],
    bases: Bases,
    people: People,
) -> Iterator[Allocation]:
    for charge_id, rule_id, principal, line in rows:
        sharing = sharings[rule_id]
        for part in sharing.parts(line, principal=principal, bases=bases, people=people):
            yield Allocation(
                charge_id=charge_id,
                rule_id=rule_id,
                use_case_id=part.use_case_id,
                day=line.day,
                billed_nano=part.billed,
                effective_nano=part.effective,
                unallocated_reason=part.reason,
            )


@transaction.atomic
def reallocate(
    *,
    connection_id: int,
    start: date,
    end: date,
    at: datetime,
    rule_id: int | None = None,
    touched: Sequence[TrialRule] | None = None,
) -> int:
    """Allocate live charges of a connection in a half-open range of days (UTC) anew.

    Args:
        rule_id: only those that this rule has taken, because what it splits by has changed.
        touched: only those that one of these rules has taken or would take now, because they have
            come or gone. None with `rule_id` None is all of them.

    Returns:
        how many charges were allocated.
    """
    lock_connection(connection_id)
    hold_what_facts_point_at()
    live = Targets(
        "billing_charge c JOIN billing_chargeslice s ON s.id = c.slice_id",
        "s.connection_id = %s AND c.day >= %s AND c.day < %s AND c.superseded_at IS NULL",
        (connection_id, start, end),
    )
    days = stage_targets(live, connection_id=connection_id, rule_id=rule_id, touched=touched)
    count = _delete_staged() if days else 0
    if count:
        allocate_targets(STAGED, connection_id=connection_id, at=at)
        mark_reallocated(connection_id=connection_id, days=days, at=at)
        refresh_daily_costs(connection_id=connection_id, days=days)
    StagingTable("allocation_target", {}).drop()
    if count and rule_id is None:
        note_stale_bases(at=at)
    return count


def _delete_staged() -> int:
    """Delete the allocations of the charges in `allocation_target`; returns how many charges."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM billing_allocation WHERE charge_id IN "
            "(SELECT charge_id FROM allocation_target)"
        )
        cursor.execute("SELECT COUNT(*) FROM allocation_target")
        count: int = cursor.fetchone()[0]
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
