"""Keeping what proportional rules split by, and splitting anew when it has changed.

A base is worked out when a rule first takes a charge of a month, and kept: the same base gives the
same parts whenever a charge is allocated again. Direct cost that comes later changes it in the
background, for all charges of the rule in that month at once.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping

from django.db import transaction

from billing.allocation.sharing import BaseKey, Bases, Sharing, Weights
from billing.choices import SplitKind
from billing.models import AllocationRule, SplitBase
from billing.selectors.costs import Kind
from billing.selectors.split_bases import Direct, direct_costs
from billing.selectors.trials import bases_recorded_at
from portal.services.work import enqueue

REFRESH_BASES = "billing.refresh-split-bases"  # the kind of work that does it


def bases_for(
    keys: Collection[BaseKey], sharings: Mapping[int, Sharing], *, at: dt.datetime
) -> Bases:
    """The bases of these keys; those that are not kept yet are worked out and kept.

    Call it when the direct cost of the same import is allocated already.
    """
    rules = {key.rule_id for key in keys}
    kept = bases_recorded_at(rules)
    missing = sorted(set(keys) - set(kept))
    if not missing:
        return kept
    direct = {month: direct_costs(month) for month in sorted({key.month for key in missing})}
    SplitBase.objects.bulk_create(
        (_row(key, _weights(sharings[key.rule_id], key, direct[key.month]), at) for key in missing),
        ignore_conflicts=True,  # another import was faster: its base is the one
    )
    return bases_recorded_at(rules)


def _weights(sharing: Sharing, key: BaseKey, direct: Direct) -> Weights:
    return sharing.base_of(direct.get(Kind(key.currency, key.basis), {}))


def _row(key: BaseKey, weights: Weights, at: dt.datetime) -> SplitBase:
    return SplitBase(
        rule_id=key.rule_id,
        month=key.month,
        currency=key.currency,
        cost_basis=key.basis,
        weights=json.dumps(weights),
        recorded_at=at,
    )


def note_stale_bases(*, at: dt.datetime) -> None:
    """Direct cost has changed: have the bases looked at, when any rule splits by it."""
    if AllocationRule.objects.filter(
        split=SplitKind.PROPORTIONAL, retired_at__isnull=True
    ).exists():
        enqueue(kind=REFRESH_BASES, actor=None, at=at)


@transaction.atomic
def replace_base(*, key: BaseKey, weights: Weights, at: dt.datetime) -> None:
    """Keep another base from now on; the old one stays, superseded."""
    live = SplitBase.objects.select_for_update().filter(
        rule_id=key.rule_id,
        month=key.month,
        currency=key.currency,
        cost_basis=key.basis,
        superseded_at__isnull=True,
    )
    live.update(superseded_at=at)
    _row(key, weights, at).save()
