"""What a page says when a change has been made, or waits for a second person."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from portal.models import ApprovalRequest


def say_what_came(request: HttpRequest, made: object, done: str) -> None:
    """Say that it is done; or, where a request came of it, that nothing has changed yet."""
    if not isinstance(made, ApprovalRequest):
        messages.success(request, done)
        return
    messages.info(
        request,
        "It moves money of a closed month. Another person approves it first; until then nothing "
        "changes.",
    )
