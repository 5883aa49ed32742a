"""Normalised delivery units: our own, published count of what a service delivered.

1. Fan-out is collapsed: a change that goes to many regions is delivered once, with the first.
2. Only changes that were never delivered before count: deploying something again adds nothing.
3. Deliveries of one service within 24 hours of the first of them are one unit.
4. Rollbacks, hotfixes that answer an incident, bots, dependency bumps, documents and configuration
   are counted apart and are no units.
5. A unit whose changes were all undone within 21 days is no unit, and was none: the value of its
   window is restated. What was undone does not come back by being deployed again.
6. A service is compared with its own baseline only (`ndi.py`).
7. Since version 2 a change counts only when it was delivered for a promise: somebody logged it for
   a use case that had an open milestone when it was merged (`promised_changes.py`). What serves no
   promise neither makes a unit nor moves the beginning of one.

However many deployments, regions, redeployments or pull requests there are, a service has at most
one unit in any 24 hours. Pure: no storage, no clock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from adoption.metrics.change_series import Series
from adoption.metrics.contracts import Facts

DEPLOY, HOTFIX, ROLLBACK, BASELINE = "deploy", "hotfix", "rollback", "baseline"


@dataclass(frozen=True, slots=True)
class Rule:
    """The versioned parameters. Another value is another version."""

    version: str = "1"
    coalesce_hours: int = 24
    survival_days: int = 21
    needs_promise: bool = False

    @property
    def span(self) -> dt.timedelta:
        """How long a unit takes in further deliveries."""
        return dt.timedelta(hours=self.coalesce_hours)

    @property
    def survival(self) -> dt.timedelta:
        """How long a change must stay."""
        return dt.timedelta(days=self.survival_days)


RULE = Rule()
PROMISED = Rule(version="2", needs_promise=True)


class Brought(NamedTuple):
    """A change in a rollout. `undone_at`: when it was reverted or rolled back, if it was;
    `is_promised`: whether it was delivered for an open milestone."""

    key: str
    series: str = Series.PRODUCT
    undone_at: dt.datetime | None = None
    is_promised: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """A successful production deployment and the changes in it.

    Attributes:
        key: of the rollout.
        at: when it ended (UTC).
        kind: `deploy`, `hotfix`, `rollback` or `baseline`.
        changes: in it, new or not.
        undoes: keys of changes that a rollback took out.
    """

    key: str
    at: dt.datetime
    changes: tuple[Brought, ...] = ()
    kind: str = DEPLOY
    undoes: tuple[str, ...] = ()


class Unit(NamedTuple):
    """A unit: when it began, and the changes that it consists of."""

    at: dt.datetime
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Counted:
    """What a history comes to.

    Attributes:
        units: those that stand, oldest first.
        gross: those that would stand if nothing had been undone.
        rework: rollbacks and hotfixes, as (moment, key), one for each.
        apart: changes delivered in the other series.
        undone: changes that were undone within the survival window.
    """

    units: tuple[Unit, ...]
    gross: tuple[Unit, ...]
    rework: tuple[tuple[dt.datetime, str], ...]
    apart: Mapping[str, int] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()


def count_units(rollouts: Iterable[Rollout], rule: Rule = RULE) -> Counted:
    """Units, rework and what is counted apart, over a whole history of one service."""
    ordered = sorted(rollouts, key=lambda each: (each.at, each.key))
    undone = _undone(ordered)
    seen: set[str] = set()
    delivered: list[tuple[dt.datetime, str]] = []
    apart: Counter[str] = Counter()
    rework: list[tuple[dt.datetime, str]] = []
    for rollout in ordered:
        new = [change for change in rollout.changes if change.key not in seen]
        seen.update(change.key for change in new)
        if rollout.kind in (HOTFIX, ROLLBACK):
            rework.append((rollout.at, rollout.key))
        if rollout.kind == DEPLOY:
            apart.update(each.series for each in new if each.series != Series.PRODUCT)
            delivered += [(rollout.at, each.key) for each in new if counts(each, rule)]
    lost = {key for at, key in delivered if key in undone and undone[key] < at + rule.survival}
    kept = [(at, key) for at, key in delivered if key not in lost]
    return Counted(
        units=_coalesced(kept, rule),
        gross=_coalesced(delivered, rule),
        rework=tuple(rework),
        apart=dict(apart),
        undone=frozenset(lost),
    )


def counts(change: Brought, rule: Rule) -> bool:
    """Whether a change can make a unit under this rule."""
    return change.series == Series.PRODUCT and (change.is_promised or not rule.needs_promise)


def _undone(ordered: Sequence[Rollout]) -> dict[str, dt.datetime]:
    """By change, the first moment at which it was taken out."""
    found: dict[str, dt.datetime] = {}
    for rollout in ordered:
        said = [(each.key, each.undone_at) for each in rollout.changes]
        said += [(key, rollout.at) for key in rollout.undoes]
        for key, at in said:
            if at is not None:
                found[key] = min(at, found.get(key, at))
    return found


def _coalesced(delivered: Sequence[tuple[dt.datetime, str]], rule: Rule) -> tuple[Unit, ...]:
    units: list[Unit] = []
    for at, key in delivered:
        if units and at < units[-1].at + rule.span:
            units[-1] = units[-1]._replace(changes=(*units[-1].changes, key))
        else:
            units.append(Unit(at, (key,)))
    return tuple(units)


def lead_in(moments: Iterable[dt.datetime], start: dt.datetime, rule: Rule = RULE) -> dt.datetime:
    """From when on deliveries must be known so that units from `start` on are exact.

    That is the last delivery before `start` that had none in the 24 hours before it: a unit begins
    there whatever came earlier.
    """
    before = sorted(each for each in moments if each < start)
    for earlier, later in zip(reversed(before[:-1]), reversed(before[1:]), strict=True):
        if later - earlier >= rule.span:
            return later
    return before[0] if before else start


# --- as facts ---------------------------------------------------------------------------------


def rollout_fact(rollout: Rollout, rule: Rule = RULE) -> dict[str, Any]:
    """A rollout as it stands in facts; whether a change was promised where the rule asks for it."""
    return {
        "key": rollout.key,
        "at": moment_text(rollout.at),
        "kind": rollout.kind,
        "undoes": sorted(rollout.undoes),
        "changes": [
            {
                "key": each.key,
                "series": str(each.series),
                "undone_at": moment_text(each.undone_at) if each.undone_at else None,
                **({"is_promised": each.is_promised} if rule.needs_promise else {}),
            }
            for each in rollout.changes
        ],
    }


def read_rollout(fact: Facts) -> Rollout:
    """The rollout that a fact describes."""
    return Rollout(
        key=fact["key"],
        at=read_moment(fact["at"]),
        kind=fact["kind"],
        undoes=tuple(fact["undoes"]),
        changes=tuple(
            Brought(
                each["key"],
                each["series"],
                read_moment(each["undone_at"]) if each["undone_at"] else None,
                each.get("is_promised", False),
            )
            for each in fact["changes"]
        ),
    )


def read_rule(fact: Facts) -> Rule:
    """The parameters that a fact describes."""
    return replace(
        RULE,
        version=fact["version"],
        coalesce_hours=fact["coalesce_hours"],
        survival_days=fact["survival_days"],
        needs_promise=fact.get("needs_promise", False),
    )


def rule_fact(rule: Rule = RULE) -> dict[str, Any]:
    """The parameters as they stand in facts."""
    return {
        "version": rule.version,
        "coalesce_hours": rule.coalesce_hours,
        "survival_days": rule.survival_days,
        **({"needs_promise": True} if rule.needs_promise else {}),
    }


def moment_text(at: dt.datetime) -> str:
    """A moment in facts: UTC to the microsecond."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def read_moment(text: str) -> dt.datetime:
    """A moment out of facts."""
    return dt.datetime.fromisoformat(text)
