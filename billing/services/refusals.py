"""Why a change of budgets, anomalies or circuit breakers was not made."""

from __future__ import annotations


class ChangeRefusedError(ValueError):
    """Nothing was changed; the message says why. `field` names the one to correct, if one is."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class StaleChangeError(ChangeRefusedError):
    """Somebody else was faster: what was shown is not what is there now."""
