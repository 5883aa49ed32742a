"""Whether AI had a part in a change, from what was seen and what people said. Pure.

Order: the author's correction; a sign that a tool left or a person declared; a label or a box that
says that no AI took part; otherwise unknown. A tool's own trace outranks a box, because templates
come with boxes ticked. `inferred` (a seat was active) is usage and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adoption.choices import DeclarationChannel, Involvement, Strength

SPEAKING = (Strength.AUTONOMOUS, Strength.ASSISTED, Strength.SUGGESTION, Strength.DECLARED)
_ORDER = {strength.value: rank for rank, strength in enumerate(Strength)}


def strongest_of(strengths: Iterable[str]) -> str:
    """The strongest of these; empty when there is none."""
    return min(filter(None, strengths), key=_ORDER.__getitem__, default="")


def settle(strength: str, said: Mapping[str, str]) -> tuple[str, Involvement]:
    """Strength and involvement of a change.

    Args:
        strength: of its strongest sign, empty when there is none.
        said: declarations by channel, `ai` or `human`.

    Returns:
        the strength that counts (none where the author says that no AI took part) and the verdict.
    """
    correction = said.get(DeclarationChannel.CORRECTION)
    if correction == Involvement.HUMAN:
        return "", Involvement.HUMAN
    if correction == Involvement.AI:
        return strongest_of((strength, Strength.DECLARED)), Involvement.AI
    if strength in SPEAKING:
        return strength, Involvement.AI
    if Involvement.AI in said.values():
        return strongest_of((strength, Strength.DECLARED)), Involvement.AI
    if Involvement.HUMAN in said.values():
        return strength, Involvement.HUMAN
    return strength, Involvement.UNKNOWN
