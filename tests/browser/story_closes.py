"""The closes of the story: a closed month with a correction, one that is ready, a rate."""

from __future__ import annotations

from typing import Any

from portal.models import User
from tests.billing.closing import tell_a_close


def make_closes(*, viewer: User, **_: Any) -> dict[str, Any]:
    """Invoices, a close, a correction and an exchange rate, by the names that addresses use."""
    told = tell_a_close(finance=viewer)
    return {"closing": told | {"ready": {"key": told["ready"].key}}}
