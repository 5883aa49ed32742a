"""What every refusal of a registry service has in common."""

from __future__ import annotations


class RefusedError(ValueError):
    """A write was refused. `reason` is a whole sentence for people.

    Attributes:
        reason: why, and what would be accepted instead.
        field: the input that it is about; empty when it is about the whole.
    """

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class StaleVersionError(RefusedError):
    """Somebody else saved the record after it was read; nothing was written.

    Attributes:
        expected: the version that the writer had seen.
        current: the version that is stored.
    """

    def __init__(self, noun: str, *, expected: int, current: int) -> None:
        super().__init__(
            f"Somebody else changed this {noun} while you were editing it: you saw version "
            f"{expected}, it is now at version {current}. Nothing was saved. Open it again, look "
            "at what changed, and repeat your edit."
        )
        self.expected = expected
        self.current = current


def check_version(noun: str, *, expected: int, current: int) -> None:
    """Refuse a write that rests on an older version than the stored one.

    Raises:
        StaleVersionError: `expected` is not `current`.
    """
    if expected != current:
        raise StaleVersionError(noun, expected=expected, current=current)
