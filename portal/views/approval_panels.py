"""What approvals show on the home page, and the banner above every page."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.selectors.approvals import (
    glasses_to_review,
    kind_label,
    news_for,
    open_glasses,
    waiting_for,
)
from portal.shell.banners import BannerText
from portal.shell.formats import moment_text
from portal.tables.approvals import time_left

_SHOWN = 8


def waiting_for_me(request: HttpRequest) -> dict[str, Any] | None:
    """Requests that this person may decide about."""
    now = timezone.now()
    rows = waiting_for(request.user, at=now).select_related("author")
    found = list(rows[: _SHOWN + 1])
    if not found:
        return None
    return {
        "number": rows.count() if len(found) > _SHOWN else len(found),
        "waiting": [
            (each, kind_label(each.kind), time_left(each.expires_at, now=now))
            for each in found[:_SHOWN]
        ],
        "is_cut": len(found) > _SHOWN,
    }


def news_of_mine(request: HttpRequest) -> dict[str, Any] | None:
    """What became of this person's requests in the last days."""
    found = list(news_for(request.user, at=timezone.now())[:_SHOWN])
    return {"news": found} if found else None


def glasses_for_review(request: HttpRequest) -> dict[str, Any] | None:
    """Break-glass that waits for a review by this person."""
    found = list(glasses_to_review(request.user)[:_SHOWN])
    return {"glasses": found} if found else None


def open_glass_banner(request: HttpRequest) -> BannerText | None:
    """Who can approve alone just now, until when and why; for everybody who is signed in."""
    if not request.user.is_authenticated:
        return None
    found = list(open_glasses(at=timezone.now()))
    if not found:
        return None
    words = [
        # The whole reason stands behind the link: on a phone it would fill the page.
        f"{glass.opened_by} can approve alone until {moment_text(glass.expires_at)}: "
        f"{shorten(glass.reason, 120, placeholder='…')}"
        for glass in found
    ]
    return BannerText(
        title="Break-glass is open.",
        text=" · ".join(words),
        url=reverse("break-glass", args=[found[0].pk]),
        link="What is done under it",
    )
