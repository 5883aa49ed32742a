"""Registered effects of the story: judged, running, and waiting for a second person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.choices import AiAssistance, Stage
from adoption.models import UseCase
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.impact_decisions import decide_on_verdict, set_unit_value
from adoption.services.impact_registrations import amend_registration, register_impact
from adoption.services.impact_verdicts import evaluate_registration
from adoption.services.impact_wishes import Wish
from adoption.services.use_cases import create_use_case
from portal.models import User
from portal.shell.money import NANO_PER_UNIT
from tests.adoption.factories import move_stage
from tests.adoption.impact import request_of
from tests.approving import approve
from tests.browser.story_bills import LONG

WEEK = dt.timedelta(weeks=1)


def _wish(launch: dt.date) -> Wish:
    return Wish(
        hypothesis=f"If guides are drafted, a quarter more appear: {LONG}",
        direction="increase",
        metric_key="held_deliveries_weekly",
        launch_on=launch,
        interest_nano=1_250_000_000,
        stop_rule="Stop when fewer appear.",
    )


def make_impact(
    *, now: dt.datetime, viewer: User, colleague: User, use_case: UseCase, **_: Any
) -> dict[str, Any]:
    """A use case with a verdict, a decision and a worth; the others on the story's own one."""
    launch = now - 20 * WEEK
    judged_case = create_use_case(
        title=f"Guides from drafts: {LONG}"[:160], programme=use_case.programme,
        team=use_case.team, owner=viewer, value_type="manual_work", hypothesis="More guides.",
        stop_rule="Stop when fewer appear.", actor=viewer, at=launch - 30 * WEEK,
    )  # fmt: skip
    move_stage(judged_case, Stage.APPROVED, at=launch - 20 * WEEK)
    _guides(judged_case, colleague, launch - 20 * WEEK, 3)
    judged = register_impact(
        use_case_id=judged_case.pk, wish=_wish(launch.date()), actor=viewer, at=launch - 2 * WEEK
    )
    approve(request_of(judged), at=launch - WEEK)
    move_stage(judged_case, Stage.PILOT, at=launch)
    _guides(judged_case, colleague, launch + 2 * WEEK, 6)
    verdict = evaluate_registration(registration_id=judged.pk, at=now).verdict
    decide_on_verdict(
        verdict_id=verdict.pk, kind="scale", reason=f"To two more teams: {LONG}", actor=viewer,
        at=now,
    )  # fmt: skip
    set_unit_value(
        use_case_id=judged_case.pk, metric_key="held_deliveries_weekly",
        amount_nano=85 * NANO_PER_UNIT,
        grounds="What an agency charged.", owner=viewer, actor=viewer, at=now,
    )  # fmt: skip
    running = register_impact(
        use_case_id=use_case.pk, wish=_wish((now - 4 * WEEK).date()), actor=viewer,
        at=now - 6 * WEEK,
    )  # fmt: skip
    approve(request_of(running), at=now - 5 * WEEK)
    amend_registration(
        registration_id=running.pk, reason="A holiday fell into it.", actor=viewer, at=now
    )
    waiting = register_impact(
        use_case_id=use_case.pk, wish=_wish((now + 40 * WEEK).date()), actor=viewer, at=now
    )
    return {
        "judged_case": judged_case,
        "judged": judged,
        "running": running,
        "unapproved": waiting,
    }


def _guides(use_case: UseCase, author: User, first: dt.datetime, a_week: int) -> None:
    for week in range(12):
        for number in range(a_week + week % 2):
            at = first + week * WEEK + dt.timedelta(days=number % 5)
            delivery = log_delivery(
                use_case=use_case, link=f"https://wiki.acme.example/g/{first:%m%d}-{week}-{number}",
                title="A guide", actor=author, assistance=AiAssistance.ASSISTED, at=at,
            )  # fmt: skip
            review_delivery(
                delivery=delivery, accept=True, reason="", reviewer=use_case.owner, at=at
            )
