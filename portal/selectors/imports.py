"""Reading connections, runs and the quarantine, filtered by who may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from portal.choices import OPEN_RUN_STATUSES, RejectedRowState, RunStatus
from portal.models import Connection, ImportRun, RejectedRow
from portal.policies import AnyUser, may_see_imports

# A worker takes a run up at once; one that waits for longer than this probably has none.
SOON = timedelta(seconds=15)


def connections_visible_to(user: AnyUser) -> QuerySet[Connection]:
    """Every connection for those who may see imports, none for others."""
    rows = Connection.objects.order_by("name", "pk")
    return rows if may_see_imports(user) else rows.none()


def runs_visible_to(user: AnyUser) -> QuerySet[ImportRun]:
    """Every run, newest first, for those who may see imports, none for others."""
    rows = ImportRun.objects.order_by("-pk")
    return rows if may_see_imports(user) else rows.none()


def rejected_rows_visible_to(user: AnyUser) -> QuerySet[RejectedRow]:
    """The quarantine, newest first, for those who may see imports; they show raw input."""
    rows = RejectedRow.objects.order_by("-pk")
    return rows if may_see_imports(user) else rows.none()


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    per_connection = (
        rows.filter(connection=OuterRef("pk"))
        .order_by()
        .values("connection")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(per_connection), 0)


def connections_with_standing(user: AnyUser) -> QuerySet[Connection]:
    """Connections with their newest run, when they last took data, and what waits for a person.

    Adds `last_run`, `last_status`, `last_at`, `applied_at`, `waiting_rows` and `held_runs`; the
    moments are UTC, null when there is no such run.
    """
    newest = ImportRun.objects.filter(connection=OuterRef("pk")).order_by("-pk")
    applied = newest.filter(status=RunStatus.APPLIED)
    return connections_visible_to(user).annotate(
        last_run=Subquery(newest.values("pk")[:1]),
        last_status=Subquery(newest.values("status")[:1]),
        last_at=Subquery(
            newest.annotate(at=Coalesce(F("finished_at"), F("requested_at"))).values("at")[:1],
            output_field=DateTimeField(null=True),
        ),
        applied_at=Subquery(applied.values("finished_at")[:1]),
        waiting_rows=_count_of(RejectedRow.objects.filter(state=RejectedRowState.WAITING)),
        held_runs=_count_of(ImportRun.objects.filter(status=RunStatus.HELD)),
    )


@dataclass(frozen=True, slots=True)
class SumLine:
    """One measure of a run in one unit: exact sums as text, None where there is none."""

    unit: str
    measure: str
    source: str | None
    stored: str | None
    residue: str | None


def sum_lines(run: ImportRun) -> list[SumLine]:
    """What the input sums to, what is stored of it, and the difference, for each unit."""

    def text(totals: Mapping[str, Mapping[str, str]], unit: str, measure: str) -> str | None:
        return totals.get(unit, {}).get(measure)

    return [
        SumLine(
            unit,
            measure,
            source,
            text(run.totals_stored, unit, measure),
            text(run.totals_residue, unit, measure),
        )
        for unit, sums in sorted(run.totals_in.items())
        for measure, source in sums.items()
    ]


def waits_for_long(run: ImportRun, *, now: datetime) -> bool:
    """Whether a queued run has been waiting so long that no worker seems to be there."""
    since = run.released_at or run.requested_at
    return run.status == RunStatus.QUEUED and now - since > SOON


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rejected rows point at a run, by what became of them."""

    waiting: int
    repaired: int
    dismissed: int

    @property
    def total(self) -> int:
        return self.waiting + self.repaired + self.dismissed


def rejected_counts(run: ImportRun) -> RowCounts:
    """Counts of the rows in quarantine that this run saw last."""
    found = dict(
        RejectedRow.objects.filter(run=run)
        .order_by()
        .values_list("state")
        .annotate(number=Count("pk"))
    )
    return RowCounts(*(found.get(state.value, 0) for state in RejectedRowState))


def open_run_of(connection: Connection) -> ImportRun | None:
    """The newest run of a connection that is queued or running."""
    return connection.runs.filter(status__in=OPEN_RUN_STATUSES).order_by("-pk").first()


def held_runs(user: AnyUser) -> QuerySet[ImportRun]:
    """Runs that the brakes held, oldest first: they have waited longest."""
    return (
        runs_visible_to(user)
        .filter(status=RunStatus.HELD)
        .select_related("connection")
        .order_by("pk")
    )


def waiting_rows_by_connection(user: AnyUser) -> list[tuple[Connection, int]]:
    """Connections with rows that nobody has decided about, and how many."""
    found = connections_visible_to(user).annotate(
        waiting=Count("rejected_rows", filter=Q(rejected_rows__state=RejectedRowState.WAITING))
    )
    return [(each, each.waiting) for each in found.filter(waiting__gt=0)]
