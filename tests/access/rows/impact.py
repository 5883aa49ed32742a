"""Registered effects and verdicts."""

from __future__ import annotations

from typing import Any

from adoption.models import ImpactRegistration
from adoption.services.impact_registrations import register_impact, withdraw_registration
from adoption.services.impact_verdicts import evaluate_registration
from tests.access.matrix import EVERYBODY, Column, Door, api, form, listing, only, page
from tests.access.readers import Panel, Reader
from tests.access.rows.adoption import CASE, OF_ANOTHER, OWNER_AND_LEAD
from tests.adoption.factories import make_use_case
from tests.adoption.impact import CLOSED, WRITTEN, request_of, wish
from tests.approving import approve

REGISTRATION = {"slug": "case.slug", "pk": "registration.pk"}
JUDGED = {"slug": "judged_case.slug", "pk": "judged.pk"}
ELSEWHERE = {"slug": "neighbour.slug", "pk": "registration.pk"}

ROWS = [
    listing("verdict-list", EVERYBODY),
    page("calibration", EVERYBODY, inside=403),
    page("verdict-progress", EVERYBODY, inside=403),
    form("registration-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form("unit-value-new", OWNER_AND_LEAD, values=CASE, inside=404),
    page("registration", EVERYBODY, values=REGISTRATION, inside=404),
    page("registration-facts", EVERYBODY, values=JUDGED, inside=404),
    *(
        form(f"registration-{name}", OWNER_AND_LEAD, values=REGISTRATION, inside=404)
        for name in ("withdraw", "amend", "losses")
    ),
    form("registration-ask", OWNER_AND_LEAD, values=REGISTRATION, inside=404, posted=302),
    form("registration-decide", only(Column.PROGRAMME_LEAD), values=JUDGED, inside=404),
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
        arguments={"slug": "@judged_case.slug", "pk": "@judged.pk"},
    ),
]
PANELS = [
    Panel("adoption.validation", EVERYBODY, "case"),
    Panel("billing.impact_net", EVERYBODY, "judged"),
]


def prepare(world: Any) -> None:
    """One that is judged, of a use case that is nobody's column, and one that nobody approved.

    The requests for approval are the maker's: rows of approvals count those of the columns.
    """
    own = make_use_case(
        owner=world.maker, title="Judged drafts", programme=world.programme, team=world.team
    )
    held: dict[str, Any] = {
        "metric_key": "held_deliveries_weekly",
        "stop_rule": "Stop when it is worse.",
    }
    judged = register_impact(use_case_id=own.pk, wish=wish(**held), actor=world.maker, at=WRITTEN)
    approve(request_of(judged))
    evaluate_registration(registration_id=judged.pk, at=CLOSED)
    waiting = register_impact(
        use_case_id=own.pk, wish=wish(**held, launch_on=CLOSED.date()), actor=world.maker, at=CLOSED
    )
    withdraw_registration(
        registration_id=waiting.pk, reason="Copied below.", actor=world.maker, at=CLOSED
    )
    waiting = ImpactRegistration.objects.get(pk=waiting.pk)
    waiting.pk, waiting.use_case, waiting.withdrawn_at = None, world.case, None
    waiting.save(force_insert=True)
    world.add(judged=judged, judged_case=own, registration=waiting)
