"""One small registry for everything that the rooms above register with the portal.

Rooms register in `AppConfig.ready()`; what they registered is checked at start-up by the system
checks in `portal/checks.py`, so that a mistake stops the start and not a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from django.core.checks import CheckMessage


class Registrable(Protocol):
    """What can be registered: it has a key that is unique in its registry."""

    @property
    def key(self) -> str: ...


ItemT = TypeVar("ItemT", bound=Registrable)


class AlreadyRegisteredError(ValueError):
    """Two different things were registered under one key."""


class NotRegisteredError(LookupError):
    """Nothing is registered under that key; the message lists what is."""


class Registry(Generic[ItemT]):
    """Things by key, in the order of registration.

    Args:
        noun: what they are, for messages.
        check: returns the problems of one item, for the system check.
    """

    def __init__(
        self, noun: str, check: Callable[[ItemT], list[CheckMessage]] | None = None
    ) -> None:
        self.noun = noun
        self._check = check
        self._items: dict[str, ItemT] = {}

    def register(self, item: ItemT) -> ItemT:
        """Add `item`. Registering an equal item again (a reloaded app) changes nothing.

        Raises:
            AlreadyRegisteredError: another item has this key.
        """
        known = self._items.get(item.key)
        if known is not None and known != item:
            raise AlreadyRegisteredError(f"{self.noun} {item.key!r} is registered twice")
        self._items[item.key] = item
        return item

    def get(self, key: str) -> ItemT:
        """Return the item.

        Raises:
            NotRegisteredError: there is none with this key.
        """
        try:
            return self._items[key]
        except KeyError:
            known = ", ".join(sorted(self._items)) or "none"
            raise NotRegisteredError(f"no {self.noun} {key!r}; known: {known}") from None

    def __iter__(self) -> Iterator[ItemT]:
        return iter(tuple(self._items.values()))

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def problems(self) -> list[CheckMessage]:
        """The findings of the check function over all items."""
        if self._check is None:
            return []
        return [problem for item in self for problem in self._check(item)]
