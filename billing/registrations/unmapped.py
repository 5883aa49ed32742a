"""The queue of what names no use case yet."""

from __future__ import annotations

from billing.policies import may_see_charges
from portal.shell.navigation import NavigationEntry, Visitor, navigation


def _sees_lines(user: Visitor) -> bool:
    return may_see_charges(user)  # type: ignore[arg-type]


navigation.register(
    NavigationEntry(
        "billing.unmapped", "Unmapped", "costs-unmapped", "Costs", 24, "inbox", _sees_lines
    )
)
