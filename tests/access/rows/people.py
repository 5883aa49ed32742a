"""Identities, lists of teams, and sign-in groups."""

from __future__ import annotations

from typing import Any

from adoption.models import Identity
from adoption.services.group_teams import map_group
from adoption.services.identities import resolve_identities
from tests.access.matrix import EVERYBODY, Column, Row, form, form_function, listing, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW

SEE = only(Column.PROGRAMME_LEAD, Column.AUDITOR, Column.ADMINISTRATOR)
EDIT = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)
WHY = "An identity is a name and an address of a person, so who may not see them is told of none."
ONE = {"pk": "waiting_identity.pk"}
SAID = {"pk": "said_identity.pk"}
LINK = {"pk": "said_identity.pk", "link": "identity_link.pk"}


def _form(route: str, values: dict[str, str], *, posted: int = 302) -> Row:
    """For who may not fill it in, a form is not there."""
    return form(
        route,
        EDIT,
        refused=404,
        posted=posted,
        values=values,
        unseen=EVERYBODY - EDIT,
        inside=404,
        why=WHY,
    )


ROWS = [
    listing("identity-list", SEE),
    page("identity", SEE, refused=404, values=ONE, unseen=EVERYBODY - SEE, inside=404, why=WHY),
    _form("identity-resolve", ONE, posted=200),
    _form("identity-split", SAID, posted=200),
    _form("identity-nobody", ONE),
    _form("identity-undo", LINK),
    form_function("team-import", EDIT),
    listing("group-team-list", EDIT),
    form("group-team-new", EDIT),
    form("group-team-remove", EDIT, posted=302, values={"pk": "group_team.pk"}),
]

_SELECTORS = "adoption.selectors"
_IDENTITIES = f"{_SELECTORS}.identities"
READERS = [
    Reader(f"{_IDENTITIES}:identities_visible_to", SEE),
    Reader(f"{_IDENTITIES}:identity_kinds", SEE),
    Reader(f"{_IDENTITIES}:links_of", SEE, arguments={"identity": "@said_identity"}),
    Reader(f"{_IDENTITIES}:suggested_people", SEE, arguments={"identities": "@open_identities"}),
    Reader(
        f"{_IDENTITIES}:others_of",
        SEE,
        arguments={"identity": "@waiting_identity", "person": "@nobody_yet"},
    ),
    Reader(f"{_SELECTORS}.teams:groups_visible_to", EDIT),
]


def prepare(world: Any) -> None:
    """One identity that waits, another of the same name, one that was resolved, and a group."""
    waiting = Identity.objects.create(
        kind="git_email", value="owner@private.example", display_name="Olga Waits"
    )
    Identity.objects.create(kind="github_login", value="olga-w", display_name="Olga Waits")
    said = Identity.objects.create(kind="github_login", value="owner-gh", display_name="Said")
    maker = world.maker
    resolve_identities(identity_ids=[said.pk], user=maker, actor=maker, at=NOW)
    world.add(
        waiting_identity=waiting,
        open_identities=[waiting],
        nobody_yet=None,
        said_identity=said,
        identity_link=said.links.get(),
        group_team=map_group(group="cn=search", team=world.team, actor=maker, at=NOW),
    )
