"""Numbered secrets: several at once, so that one can be replaced without a moment in which none is.

Written as `2:newer,1:older`. The highest number is used for what is new; the others only to read
what was made with them, until nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class MissingKeyError(LookupError):
    """There is no secret of that number; the message names the variable and the number."""


@dataclass(frozen=True, slots=True)
class NumberedSecrets:
    """Secrets by number.

    Attributes:
        variable: the environment variable that holds them, for messages.
        by_number: number → secret; not shown by `repr`.
    """

    variable: str
    by_number: Mapping[int, str] = field(default_factory=dict, repr=False)

    @property
    def newest(self) -> int:
        """The number for what is new.

        Raises:
            MissingKeyError: there is none at all.
        """
        if not self.by_number:
            raise MissingKeyError(f"{self.variable} is not set")
        return max(self.by_number)

    def get(self, number: int) -> str:
        """The secret of that number.

        Raises:
            MissingKeyError: there is none.
        """
        try:
            return self.by_number[number]
        except KeyError:
            known = ", ".join(map(str, sorted(self.by_number))) or "none"
            raise MissingKeyError(
                f"{self.variable} has no number {number} (it has: {known})"
            ) from None


def read_numbered(text: str, *, variable: str, problem: Callable[[str], str]) -> NumberedSecrets:
    """Read `2:secret,1:secret`; an empty text gives none.

    Args:
        variable: its name, for messages.
        problem: says what is wrong with one secret, or nothing.

    Raises:
        ValueError: naming the number, never the secret.
    """
    found: dict[int, str] = {}
    for place, part in enumerate((each.strip() for each in text.split(",")), start=1):
        if not part:
            continue
        number, colon, secret = part.partition(":")
        if not colon or not (number.isascii() and number.isdigit()) or not 0 < int(number) < 2**31:
            raise ValueError(
                f"{variable}: entry {place} must be a number, a colon and a secret, for example 1:…"
            )
        if int(number) in found:
            raise ValueError(f"{variable}: number {int(number)} is there twice")
        if wrong := problem(secret):
            raise ValueError(f"{variable}: number {int(number)} {wrong}")
        found[int(number)] = secret
    return NumberedSecrets(variable, found)
