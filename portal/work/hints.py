"""Telling the queue that work waits, once the transaction is committed.

Services know no queue, so the sender is put in here by `portal.tasks`. A hint is never needed for
correctness: what is not hinted at is found by the sweeper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.db import transaction


class Hint(NamedTuple):
    """One item, the queue whose workers take it, and in how many seconds they are to look."""

    item_id: int
    queue: str
    after: float = 0.0


Sender = Callable[[Sequence[Hint]], int]
_sender: list[Sender] = []
_withheld: ContextVar[list[int] | None] = ContextVar("plumbline_withheld_hints", default=None)


def use_sender(sender: Sender) -> None:
    """Send hints by `sender`, which takes three seconds at most and returns how many it sent."""
    _sender[:] = [sender]


class _Batch:
    """All hints of one transaction (or savepoint), sent together within one budget of time."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []

    def __call__(self) -> None:
        if self.hints and _sender:
            _sender[0](self.hints)


def hint_after_commit(item_id: int, queue: str, *, after: float = 0.0) -> None:
    """Send a hint when the current transaction commits; at once when there is none.

    Args:
        after: seconds before which no worker looks at the item for it.
    """
    collected = _withheld.get()
    if collected is not None:
        collected.append(item_id)
        return
    batch = _open_batch()
    batch.hints.append(Hint(item_id, queue, after))
    if len(batch.hints) == 1:
        transaction.on_commit(batch, robust=True)


def _open_batch() -> _Batch:
    """The batch that this transaction, at this depth of savepoints, has registered already."""
    connection = transaction.get_connection()
    here = set(connection.savepoint_ids)
    for savepoints, function, _robust in reversed(connection.run_on_commit):
        if isinstance(function, _Batch) and savepoints == here:
            return function
    return _Batch()


@contextmanager
def withheld() -> Iterator[list[int]]:
    """Send no hints within the block and collect the items: the caller does the work itself.

    The items may be those of a transaction that was rolled back; executing such a one does
    nothing.
    """
    collected: list[int] = []
    token = _withheld.set(collected)
    try:
        yield collected
    finally:
        _withheld.reset(token)
