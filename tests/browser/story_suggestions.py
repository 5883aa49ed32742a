"""Suggestions of the story: what waits for the viewer, what has expired, and what is their own."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.choices import MarkKind
from adoption.models import Change, Identity, Suggestion, UseCase
from adoption.services.declarations import correct_change
from adoption.services.suggestions import refresh_suggestions
from adoption.services.use_case_marks import set_marks
from portal.models import User
from tests.adoption.suggestion_stories import make_request

LONG = "Lieferantenselbstauskunftsbogenpruefung" * 3


def make_suggestions(
    *, now: dt.datetime, viewer: User, use_case: UseCase, **_: Any
) -> dict[str, Any]:
    """Requests of the viewer: two that wait (one with a long title), one expired, one corrected."""
    set_marks(use_case=use_case, marks={MarkKind.TICKET: ["BILL"], MarkKind.LABEL: ["billing"]})
    changes: list[Change] = []
    for number, title in enumerate(("Dunning mails", LONG, "Expired one", "By hand"), start=700):
        changes.append(
            make_request(
                viewer, number, title=title, branch=f"feat/BILL-{number}", labels=["billing"],
                merged_at=now - dt.timedelta(days=3), delivered_at=now - dt.timedelta(days=2),
            )
        )  # fmt: skip
    refresh_suggestions(at=now)
    Suggestion.objects.filter(change=changes[2]).update(
        offered_at=now - dt.timedelta(days=20), expires_at=now - dt.timedelta(days=6)
    )
    correct_change(change=changes[3], says="human", actor=viewer, at=now)  # type: ignore[arg-type]
    refresh_suggestions(at=now)
    return {
        "suggestion": Suggestion.objects.get(change=changes[0]),
        "suggested_change": changes[0],
        "own_identity": Identity.objects.get(user=viewer, kind="login"),
    }
