"""The only way to read metric values: what may not be shown never leaves this module.

Pages, the API, exports, dashboards, snapshots and approvals call it. It always reads every scope
and state of the version in a window, decides over all of them what is withheld
(`metric_withholding.py`), and only then picks what was asked for; a test of the architecture keeps
everybody else from the table.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q, QuerySet

from adoption.choices import ValueStatus
from adoption.metrics.snapshot import SmallPartError, publishable
from adoption.metrics.windows import Window
from adoption.models import MetricValue, MetricVersion
from adoption.policies import may_see_registry
from adoption.selectors.metric_scopes import answers_for_others, scopes_of
from adoption.selectors.metric_withholding import (
    StoredRow,
    floors_for,
    smallest_group,
    withheld_rows,
)
from portal.choices import Role
from portal.models import User
from portal.policies import AnyUser, holds

UNLIKE_COVERAGE = "unlike_coverage"
_COUNTS_OF_PEOPLE = ("contributors", "people")  # how facts name how many worked
_LARGE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One value as this reader may see it; in a withheld one everything but the window is empty.

    Amounts in nano-units of the metric's unit. `status` and everything else is as it was known at
    the moment asked for.
    """

    id: int
    scope_kind: str
    scope_id: int
    window: Window
    data_version: int
    status: str
    data_as_of: dt.datetime
    computed_at: dt.datetime
    superseded_at: dt.datetime | None
    nano: int | None = None
    reason: str = ""
    missing: str = ""
    is_withheld: bool = False
    n: int | None = None
    low_nano: int | None = None
    high_nano: int | None = None
    interval_method: str = ""
    interval_level_percent: int | None = None
    coverage_nano: int | None = None
    unknown_share_nano: int | None = None
    currency: str = ""
    basis: str = ""
    facts_sha256: str = ""

    @property
    def scope_key(self) -> tuple[str, int]:
        return self.scope_kind, self.scope_id


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value held against one of an earlier window: the difference, or why there is none."""

    earlier: ShownValue
    later: ShownValue
    nano: int | None
    reason: str = ""


def is_stranger(viewer: AnyUser | None) -> bool:
    """Somebody who may not see the registry sees no value either."""
    return viewer is not None and not may_see_registry(viewer)


def is_manager(viewer: AnyUser | None) -> bool:
    """Who leads or owns sees only larger groups; so does everybody when nobody in particular looks.

    What is written down for several readers (snapshots, approvals, webhooks) is read for nobody.
    """
    if not isinstance(viewer, User):
        return True
    return holds(viewer, Role.PROGRAMME_LEAD) or answers_for_others(viewer)


def values_of(
    version: MetricVersion,
    *,
    viewer: AnyUser | None,
    scope_ids: Collection[int] | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
    as_of: dt.datetime | None = None,
) -> list[ShownValue]:
    """Values of one version, by window and scope.

    Args:
        viewer: who will see them; None for whatever several people will see.
        scope_ids: only these scopes; None for all.
        first, last: windows that lie wholly between these days; `last` is exclusive.
        as_of: as they were known at this moment; None for now.
    """
    if is_stranger(viewer):
        return []
    windows = MetricValue.objects.filter(metric_version=version)
    if first is not None:
        windows = windows.filter(window_starts_on__gte=first)
    if last is not None:
        windows = windows.filter(window_ends_on__lte=last)
    hidden = _hidden(version, windows, viewer)
    rows = _known_at(windows, as_of).defer("facts")
    wanted = None if scope_ids is None else set(scope_ids)
    return [
        _present(row, hidden.get(row.pk, ""), as_of)
        for row in rows.order_by("window_starts_on", "window_ends_on", "scope_id")
        if wanted is None or row.scope_id in wanted
    ]


def value_or_none(pk: int, *, viewer: AnyUser | None) -> tuple[MetricVersion, ShownValue] | None:
    """One value with its version, as it was known for as long as it stood; None without one."""
    rows = MetricValue.objects.select_related("metric_version")
    row = None if is_stranger(viewer) else rows.filter(pk=min(pk, _LARGE)).first()
    if row is None:
        return None
    hidden = _hidden(row.metric_version, _window_of(row), viewer)
    return row.metric_version, _at_its_time(row, hidden)


def history_of(
    version: MetricVersion, value: ShownValue, *, viewer: AnyUser | None
) -> list[ShownValue]:
    """Every data version of this scope and window, newest first, each as it may be shown."""
    window = MetricValue.objects.filter(
        metric_version=version,
        window_starts_on=value.window.starts_on,
        window_ends_on=value.window.ends_on,
    )
    hidden = _hidden(version, window, viewer)
    rows = window.filter(scope_kind=value.scope_kind, scope_id=value.scope_id).defer("facts")
    return [_at_its_time(row, hidden) for row in rows.order_by("-data_version")]


def facts_of(values: Iterable[ShownValue]) -> dict[int, str]:
    """The canonical facts of values that are shown; those of withheld ones stay where they are."""
    wanted = [value.id for value in values if not value.is_withheld]
    return dict(MetricValue.objects.filter(pk__in=wanted).values_list("pk", "facts"))


def shown_facts(version: MetricVersion, facts: str, *, viewer: AnyUser | None) -> Any:
    """Facts for reading: how many contributed is said only as "enough".

    None when a part of them is about fewer people than this reader may see, or about single ones:
    the value itself may be shown, what it is made of is not.
    """
    read = json.loads(facts)
    try:
        publishable(read, smallest_group(version, for_managers=is_manager(viewer)))
    except SmallPartError:
        return None
    return _without_contributors(read)


def _without_contributors(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: "enough" if key in _COUNTS_OF_PEOPLE else _without_contributors(each)
            for key, each in value.items()
        }
    return [_without_contributors(each) for each in value] if isinstance(value, list) else value


def settled_until(version: MetricVersion, scope_id: int) -> dt.date | None:
    """The end of the newest window whose values are settled, for one scope or (0) for all."""
    rows = MetricValue.objects.filter(metric_version=version, superseded_at=None)
    if scope_id:
        rows = rows.filter(scope_id=scope_id)
    open_from = (
        rows.filter(status__in=(ValueStatus.PROVISIONAL, ValueStatus.ESTIMATED), settled_at=None)
        .order_by("window_ends_on")
        .values_list("window_ends_on", flat=True)
        .first()
    )
    if open_from is not None:
        rows = rows.filter(window_ends_on__lt=open_from)
    newest: dt.date | None = rows.aggregate(newest=Max("window_ends_on"))["newest"]
    return newest


def digest_of(version: MetricVersion, scope_id: int, until: dt.date) -> str:
    """SHA-256 over the definition and every value up to `until`: what an approval is bound to.

    It covers withheld values too, and tells nothing about any of them.
    """
    rows = MetricValue.objects.filter(
        metric_version=version, superseded_at=None, window_ends_on__lte=until
    )
    if scope_id:
        rows = rows.filter(scope_id=scope_id)
    digest = hashlib.sha256(version.definition_sha256.encode())
    names = ("scope_id", "window_starts_on", "window_ends_on", "data_version", "facts_sha256")
    for row in rows.order_by(*names[:3]).values_list(*names):
        digest.update(("|".join(map(str, row)) + "\n").encode())
    return digest.hexdigest()


def compare(earlier: ShownValue, later: ShownValue, *, bound_nano: int) -> Comparison:
    """The difference of two windows, refused where their inputs are not alike.

    Args:
        bound_nano: by how much the coverages may differ, as the definition says.
    """
    for value in (earlier, later):
        if value.nano is None:
            return Comparison(earlier, later, None, value.reason)
    if (earlier.currency, earlier.basis) != (later.currency, later.basis):
        return Comparison(earlier, later, None, "unlike_money")
    covered = (earlier.coverage_nano, later.coverage_nano)
    if (covered[0] is None) != (covered[1] is None) or (
        covered[0] is not None
        and covered[1] is not None
        and abs(covered[0] - covered[1]) > bound_nano
    ):
        return Comparison(earlier, later, None, UNLIKE_COVERAGE)
    return Comparison(earlier, later, (later.nano or 0) - (earlier.nano or 0))


def with_previous(values: Sequence[ShownValue], *, bound_nano: int) -> dict[int, Comparison]:
    """Each value held against that of the window before it, where there is one."""
    by_end = {(value.scope_key, value.window.ends_on): value for value in values}
    found: dict[int, Comparison] = {}
    for value in values:
        before = by_end.get((value.scope_key, value.window.starts_on))
        if before is not None:
            found[value.id] = compare(before, value, bound_nano=bound_nano)
    return found


# --- reading rows -------------------------------------------------------------------------------


def _known_at(rows: QuerySet[MetricValue], moment: dt.datetime | None) -> QuerySet[MetricValue]:
    if moment is None:
        return rows.filter(superseded_at=None)
    return rows.filter(computed_at__lte=moment).filter(
        Q(superseded_at=None) | Q(superseded_at__gt=moment)
    )


def _window_of(row: MetricValue) -> QuerySet[MetricValue]:
    """All rows of its window: every scope, every state."""
    return MetricValue.objects.filter(
        metric_version_id=row.metric_version_id,
        window_starts_on=row.window_starts_on,
        window_ends_on=row.window_ends_on,
    )


def _at_its_time(row: MetricValue, hidden: Mapping[int, str]) -> ShownValue:
    """A row as it was known for as long as it stood."""
    moment = None if row.superseded_at is None else row.computed_at
    return _present(row, hidden.get(row.pk, ""), moment)


def _hidden(
    version: MetricVersion, windows: QuerySet[MetricValue], viewer: AnyUser | None
) -> dict[int, str]:
    """What of these windows is withheld from this reader, with the reason code.

    Args:
        windows: every row of each of them, whatever was asked for.
    """
    floors = floors_for(version, for_managers=is_manager(viewer))
    if not floors:
        return {}
    rows = windows.order_by().values_list(
        "pk", "scope_kind", "scope_id", "window_starts_on", "window_ends_on", "value_nano",
        "contributors", "n", "computed_at", "superseded_at",
    )  # fmt: skip
    stored = [
        StoredRow(pk, (kind, scope), (begin, end), nano is not None, people, n, since, until)
        for pk, kind, scope, begin, end, nano, people, n, since, until in rows
    ]
    return withheld_rows(stored, floors, _families(stored))


def _families(rows: Iterable[StoredRow]) -> dict[tuple[str, int], tuple[str, ...]]:
    pks: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        kind, pk = row.scope
        pks[kind].add(pk)
    return {
        (kind, pk): scope.families
        for kind in pks
        for pk, scope in scopes_of(kind, pks[kind]).items()
    }


def _present(row: MetricValue, hidden: str, as_of: dt.datetime | None) -> ShownValue:
    common: dict[str, Any] = {
        "id": row.pk,
        "scope_kind": row.scope_kind,
        "scope_id": row.scope_id,
        "window": Window(row.window_starts_on, row.window_ends_on, row.zone),
        "data_version": row.data_version,
        "status": _status_at(row, as_of),
        "data_as_of": row.data_as_of,
        "computed_at": row.computed_at,
        "superseded_at": row.superseded_at,
    }
    if hidden:
        return ShownValue(**common, reason=hidden, is_withheld=True)
    return ShownValue(
        **common,
        nano=row.value_nano,
        reason=row.reason,
        missing=row.missing,
        n=row.n,
        low_nano=row.interval_low_nano,
        high_nano=row.interval_high_nano,
        interval_method=row.interval_method,
        interval_level_percent=row.interval_level_percent,
        coverage_nano=row.coverage_nano,
        unknown_share_nano=row.unknown_share_nano,
        currency=row.currency,
        basis=row.basis,
        facts_sha256=row.facts_sha256,
    )


def _status_at(row: MetricValue, as_of: dt.datetime | None) -> str:
    """A provisional value is final from the fill on that found it unchanged after it matured."""
    is_open = row.status in (ValueStatus.PROVISIONAL, ValueStatus.ESTIMATED)
    settled = row.settled_at is not None and (as_of is None or row.settled_at <= as_of)
    return ValueStatus.FINAL.value if is_open and settled else row.status
