"""What programs send about incidents, what services show of them, and findings of gaming."""

from __future__ import annotations

from typing import Any

from adoption.models import GamingFinding
from tests.access.matrix import EVERYBODY, Column, Door, Row, api, form, listing, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW

SEE = only(Column.PROGRAMME_LEAD, Column.AUDITOR)
ANSWER = only(Column.PROGRAMME_LEAD)
WHY = "Who may not see findings is not told which there are."
SEND = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)

ROWS = [
    api("api-incidents", post=Door(SEND, 400)),
    page("service-dora", EVERYBODY, values={"pk": "service.pk"}),
    form("service-split", ANSWER, values={"pk": "service.pk"}, inside=404),
    listing("finding-list", SEE),
    Row(
        "finding-acknowledge",
        {
            "GET": Door(ANSWER, refused=404, but={Column.AUDITOR: 403}),
            "POST": Door(ANSWER, refused=404, but={Column.AUDITOR: 403}),
        },
        values={"pk": "finding.pk"},
        refuses_first=True,
        has_options=True,
        unseen=EVERYBODY - SEE,
        inside=404,
        why=WHY,
    ),
]
READERS = [
    Reader("adoption.selectors.findings:findings_visible_to", SEE),
    Reader(
        "adoption.selectors.dora:dora_windows",
        EVERYBODY,
        arguments={"service": "@service", "as_of": NOW},
    ),
]


def prepare(world: Any) -> None:
    """A finding of the service."""
    finding = GamingFinding.objects.create(
        telltale="small_changes",
        scope_kind="service",
        scope_id=world.value("service.pk"),
        scope_name="App",
        window_starts_on=NOW.date(),
        window_ends_on=NOW.date(),
        said="Changes of at most 10 lines: 80 % of 40, 20 % of 90 before.",
        facts={"part_now": 32},
        found_at=NOW,
    )
    world.add(finding=finding)
