"""Registration, record, comments and documents of use cases: pages and API."""

from __future__ import annotations

from typing import Any

from adoption.models import UseCaseProfile
from adoption.services.use_case_notes import add_comment, add_link
from tests.access.matrix import EVERYBODY, Column, Door, Row, api, form, only, page
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW

OWNER_AND_LEAD = only(Column.OWNER, Column.PROGRAMME_LEAD)
OTHER_AND_LEAD = only(Column.OTHER_OWNER, Column.PROGRAMME_LEAD)
CASE = {"slug": "case.slug"}
NEIGHBOUR = {"slug": "neighbour.slug"}
COMMENT = {"slug": "case.slug", "pk": "comment.pk"}
LINK = {"slug": "case.slug", "pk": "document.pk"}
OF_ANOTHER = "It belongs to another use case, so it is not below this address for anybody."
STEPS = ("registration-problem", "registration-benefit", "registration-risk")


def _below_another(route: str, pk: str) -> Row:
    return form(
        route,
        only(),
        refused=404,
        values={**NEIGHBOUR, "pk": pk},
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    )


ROWS = [
    *(form(step, OWNER_AND_LEAD, values=CASE, inside=404) for step in STEPS),
    *(
        form(step, OTHER_AND_LEAD, values=NEIGHBOUR, inside=404, label="neighbour")
        for step in STEPS
    ),
    page("use-case-record", EVERYBODY, values=CASE, inside=404),
    form("use-case-record-edit", OWNER_AND_LEAD, values=CASE, inside=404),
    form("use-case-comment-new", EVERYBODY, values=CASE, inside=404),
    form("use-case-decision-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form("use-case-comment-withdraw", only(Column.OWNER), values=COMMENT, inside=404, posted=302),
    _below_another("use-case-comment-withdraw", "comment.pk"),
    form("use-case-link-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form("use-case-link-remove", OWNER_AND_LEAD, values=LINK, inside=404, posted=302),
    _below_another("use-case-link-remove", "document.pk"),
    page("use-case-export", EVERYBODY, inside=200),
    api(
        "api-use-case-comments",
        get=Door(EVERYBODY),
        post=Door(EVERYBODY, 400),
        values=CASE,
        inside=404,
    ),
    api(
        "api-use-case-links",
        get=Door(EVERYBODY),
        post=Door(OWNER_AND_LEAD, 400),
        values=CASE,
        inside=404,
    ),
]

READERS = [
    Reader(
        "adoption.selectors.benefits:own_vague_benefits",
        only(Column.OWNER),
        counts={Column.OWNER: 1},
    ),
]
PANELS = [Panel("adoption.vague_benefits", only(Column.OWNER))]


def prepare(world: Any) -> None:
    """A comment of the owner, a document, and a benefit without a number."""
    owner = world.people[Column.OWNER]
    UseCaseProfile.objects.filter(use_case=world.case).update(
        benefit_text="Saves time.", benefit_check="no_number"
    )
    world.add(
        comment=add_comment(use_case=world.case, text="Why not?", author=owner, at=NOW),
        document=add_link(
            use_case=world.case,
            title="Assessment",
            url="https://wiki.example/assessment",
            actor=owner,
            at=NOW,
        ),
    )
