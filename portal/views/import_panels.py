"""What imports show on the home page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.policies import may_decide_held_runs, may_run_imports
from portal.selectors.imports import held_runs, waiting_rows_by_connection

_SHOWN = 8


def waiting_imports(request: HttpRequest) -> dict[str, Any] | None:
    """Held runs for those who decide about them, and rows in quarantine for those who mend."""
    held = list(held_runs(request.user)[: _SHOWN + 1]) if may_decide_held_runs(request.user) else []
    waiting = waiting_rows_by_connection(request.user) if may_run_imports(request.user) else []
    if not held and not waiting:
        return None
    return {"held": held[:_SHOWN], "is_cut": len(held) > _SHOWN, "waiting": waiting[:_SHOWN]}
