"""Kinds of background work. Rooms register theirs in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.checks import CheckMessage, Error

from portal.choices import Role
from portal.registry import Registry

QUEUES = ("default", "imports")
MAX_ATTEMPTS = 3


class WorkRefusedError(Exception):
    """The work can never succeed as it was asked for; the message tells a person why.

    Raised by a kind's `run`. The item ends as failed at once: trying again would change nothing.
    """


class WorkLaterError(Exception):
    """The work cannot be done just now, and that is no fault of the portal's.

    Attributes:
        after: seconds after which it may be tried again; None leaves that to the queue.
        costs_attempt: whether it counts as an attempt. Being told to wait does not, for a day.
    """

    def __init__(
        self, problem: str, *, after: float | None = None, costs_attempt: bool = True
    ) -> None:
        super().__init__(problem)
        self.after = after
        self.costs_attempt = costs_attempt


class FencedOffError(Exception):
    """Another attempt has taken this item over; this one must end without writing."""


@dataclass
class Work:
    """One attempt at one item, as a kind's `run` sees it.

    Attributes:
        payload: the ids that the work was asked for with.
        at: when this attempt began (UTC); pass it on to services.
        clock: the time now, for long work.
        report: tells how far it is: `report(done, total, phase)`. Cheap; call it often. It raises
            `FencedOffError` once another attempt has taken over.
        fence: for kinds that are not atomic: call it inside a transaction of theirs. It raises
            `FencedOffError` when another attempt has taken over, and else keeps any other from
            taking over before that transaction ends.
    """

    item_id: int
    key: str
    payload: Mapping[str, Any]
    attempt: int
    at: datetime
    clock: Callable[[], datetime]
    report: Callable[..., None] = field(default=lambda done, total=None, phase="": None)
    fence: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class WorkKind:
    """A kind of background work.

    Attributes:
        key: unique name, `room.verb-noun`; stored in the rows, so it must not change.
        label: what a person reads.
        run: does the work.
        queue: which workers take it.
        max_attempts: attempts that may end without a result before a person must look.
        is_atomic: whether `run` and the note that it is done are one transaction, so that the
            effect happens exactly once. Otherwise `run` must be harmless when repeated.
        rest: after an attempt during which it was asked for again, the next one begins so many
            seconds later at the earliest: for work that is asked for all the time and looks at
            everything each time. The sweeper may be earlier.
        roles: who may see and decide about it, beside administrators (auditors see everything).
    """

    key: str
    label: str
    run: Callable[[Work], None]
    queue: str = "default"
    max_attempts: int = MAX_ATTEMPTS
    is_atomic: bool = True
    rest: float = 0.0
    roles: frozenset[Role] = frozenset()


def _check_kind(kind: WorkKind) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if kind.queue not in QUEUES:
        problems.append(
            Error(
                f"work kind {kind.key!r}: no worker serves queue {kind.queue!r}; "
                f"known are {', '.join(QUEUES)}",
                id="portal.E211",
            )
        )
    if not 1 <= kind.max_attempts <= 10:
        problems.append(
            Error(f"work kind {kind.key!r}: max_attempts must be 1 to 10", id="portal.E212")
        )
    if not kind.label:
        problems.append(Error(f"work kind {kind.key!r} has no label", id="portal.E213"))
    return problems


work_kinds: Registry[WorkKind] = Registry("work kind", _check_kind)


def label_of(key: str) -> str:
    """What a person reads for a kind, also for one that this version does not know any more."""
    return work_kinds.get(key).label if key in work_kinds else key
