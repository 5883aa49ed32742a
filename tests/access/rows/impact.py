"""Registered effects and verdicts."""

from __future__ import annotations

from typing import Any

from adoption.services.impact_registrations import register_impact
from adoption.services.impact_verdicts import evaluate_registration
from tests.access.matrix import EVERYBODY, Door, api, form, listing, only, page
from tests.access.readers import Reader
from tests.access.rows.adoption import CASE, OF_ANOTHER, OWNER_AND_LEAD
from tests.adoption.impact import CLOSED, WRITTEN, wish
from tests.approving import approve_all

REGISTRATION = {"slug": "case.slug", "pk": "registration.pk"}
JUDGED = {"slug": "case.slug", "pk": "judged.pk"}
ELSEWHERE = {"slug": "neighbour.slug", "pk": "registration.pk"}

ROWS = [
    listing("verdict-list", EVERYBODY),
    page("calibration", EVERYBODY),
    form("registration-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form("unit-value-new", OWNER_AND_LEAD, values=CASE, inside=404),
    page("registration", EVERYBODY, values=REGISTRATION, inside=404),
    page("registration-facts", EVERYBODY, values=JUDGED, inside=404),
    *(
        form(f"registration-{name}", OWNER_AND_LEAD, values=REGISTRATION, inside=404)
        for name in ("withdraw", "amend", "losses")
    ),
    form("registration-ask", OWNER_AND_LEAD, values=REGISTRATION, inside=404, posted=302),
    form("registration-decide", OWNER_AND_LEAD, values=JUDGED, inside=404),
    form(
        "registration-withdraw",
        only(),
        refused=404,
        values=ELSEWHERE,
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    ),
    api(
        "api-registrations",
        get=Door(EVERYBODY),
        post=Door(OWNER_AND_LEAD, 400),
        values=CASE,
        inside=404,
    ),
    api("api-verdicts", get=Door(EVERYBODY), values=CASE, inside=404),
]
READERS = [
    Reader("adoption.selectors.impact:registrations_visible_to", EVERYBODY),
    Reader("adoption.selectors.impact:verdicts_visible_to", EVERYBODY),
    Reader("adoption.selectors.impact:verdict_rows", EVERYBODY),
    Reader(
        "adoption.selectors.impact:registrations_of", EVERYBODY, arguments={"use_case": "@case"}
    ),
    Reader(
        "adoption.selectors.impact:registration_for_page",
        EVERYBODY,
        arguments={"slug": "@case.slug", "pk": "@judged.pk"},
    ),
]


def prepare(world: Any) -> None:
    """One that is judged, and one that waits for a second person."""
    case = world.case
    held = {"metric_key": "held_deliveries"}
    judged = register_impact(use_case_id=case.pk, wish=wish(**held), actor=case.owner, at=WRITTEN)
    approve_all()
    evaluate_registration(registration_id=judged.pk, at=CLOSED)
    waiting = register_impact(
        use_case_id=case.pk,
        wish=wish(**held, launch_on=CLOSED.date()),
        actor=case.owner,
        at=CLOSED,
    )
    world.add(judged=judged, registration=waiting)
