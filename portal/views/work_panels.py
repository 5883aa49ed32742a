"""What background work shows on the home page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.selectors.work import stopped_work
from portal.work.registry import label_of

_SHOWN = 8


def held_work(request: HttpRequest) -> dict[str, Any] | None:
    """Held work for those who decide about it; nothing when none is held."""
    held = list(stopped_work(request.user)[: _SHOWN + 1])
    if not held:
        return None
    return {
        "held": [(item, label_of(item.kind)) for item in held[:_SHOWN]],
        "is_cut": len(held) > _SHOWN,
    }
