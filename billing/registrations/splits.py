"""Splits in proportion to direct cost: keeping up with it."""

from __future__ import annotations

from billing.services.base_refresh import refresh_split_bases
from billing.services.split_bases import REFRESH_BASES
from portal.choices import Role
from portal.work.registry import Work, WorkKind, work_kinds


def _refresh(work: Work) -> None:
    refresh_split_bases(at=work.at)


work_kinds.register(
    WorkKind(
        key=REFRESH_BASES,
        label="Split shared cost by the newest direct cost",
        run=_refresh,
        is_atomic=False,  # a rule and month in each transaction; repeating one changes nothing
        roles=frozenset({Role.FINANCE}),
    )
)
