"""Signing in, one's own account, and the administration of people."""

from __future__ import annotations

from allauth.usersessions.models import UserSession

from portal.choices import Role
from portal.services.erasures import request_erasure
from tests.access.matrix import (
    ALL,
    EVERYBODY,
    METHODS,
    NOBODY,
    STRANGERS,
    Column,
    Door,
    Row,
    action,
    form_function,
    listing,
    only,
    page,
)
from tests.access.readers import Reader
from tests.access.world import World
from tests.adoption.factories import make_user

SEE_PEOPLE = only(Column.ADMINISTRATOR, Column.AUDITOR)
MANAGE_PEOPLE = only(Column.ADMINISTRATOR)
SEE_ERASURES = SEE_PEOPLE | only(Column.APPROVER)
UNSEEN = EVERYBODY - SEE_PEOPLE
PERSON = {"pk": "maker.pk"}
NO_PROVIDER = "No identity provider is configured here: then the address does not exist."
SAML = {"organization_slug": "=saml"}


def prepare(world: World) -> None:
    """A session of somebody, which nobody else may end."""
    session = UserSession.objects.create(
        user=world.maker, ip="192.0.2.7", session_key="a" * 32, user_agent="somebody's browser"
    )
    gone = make_user(name="Gone", is_active=False)
    asking = make_user(Role.ADMINISTRATOR, name="Asks for an erasure")
    request_erasure(person=gone, reason="left", actor=asking, at=world.now)
    world.add(session=session, erased_person=gone)


def _absent(
    route: str, values: dict[str, str] | None = None, methods: tuple[str, ...] = METHODS
) -> Row:
    doors = {method: Door(ALL, 404) for method in methods}
    return Row(route, doors, values=values or {}, stranger=None, inside=0, why=NO_PROVIDER)


ROWS = [
    Row(
        "account_login",
        {method: Door(STRANGERS, refused=302) for method in ("GET", "POST", "PUT")},
        stranger=None,
        refuses_first=True,
        has_options=True,
        why="The same page under the name that the library looks for.",
    ),
    Row(
        "mfa_authenticate",
        {method: Door(ALL, 302) for method in ("GET", "POST")},
        stranger=None,
        inside=0,
        why="Opens only between the password and the code; leads back to the sign-in otherwise.",
    ),
    _absent("sign-in-oidc", methods=("GET",)),
    _absent("sign-in-oidc-callback", methods=("GET",)),
    *(
        _absent(route, SAML, ("GET",))
        for route in ("saml_login", "saml_finish_acs", "saml_metadata")
    ),
    _absent("saml_sls", SAML),
    Row(
        "saml_acs",
        {"POST": Door(ALL, 302)},
        values=SAML,
        stranger=None,
        inside=0,
        why="Takes what the provider sends over to the next address, which finds no provider here.",
    ),
    page("account", EVERYBODY),
    page("mfa_index", EVERYBODY),
    form_function("account-password", EVERYBODY),
    action("account-sessions-end", EVERYBODY),
    Row(
        "account-session-end",
        {"POST": Door(NOBODY, refused=404)},
        values={"pk": "session.pk"},
        why="Somebody else's session: that it exists is nobody's business.",
    ),
    page("second-factor-needed", NOBODY, refused=302),
    *(
        Row(
            route,
            {method: Door(EVERYBODY, answer) for method in methods},
            inside=0,
            why="The library's page, for one's own account: it has nothing of anybody else's.",
        )
        for route, answer, methods in (
            ("account_reauthenticate", 200, ("GET", "POST")),
            ("mfa_reauthenticate", 302, ("GET", "POST")),  # to the password: nobody has a code
            ("mfa_activate_totp", 302, ("GET", "POST")),  # to a fresh proof first
            ("mfa_deactivate_totp", 404, ("GET", "POST")),  # nobody here has one
            ("mfa_view_recovery_codes", 404, ("GET",)),
            ("mfa_generate_recovery_codes", 302, ("GET", "POST")),
        )
    ),
    listing("person-list", SEE_PEOPLE, unseen=UNSEEN),
    listing("role-grant-list", SEE_PEOPLE, unseen=UNSEEN),
    page("person", SEE_PEOPLE, values=PERSON, unseen=UNSEEN),
    *(
        form_function(
            "person-action",
            MANAGE_PEOPLE,
            values={**PERSON, "action": f"={name}"},
            label=name,
            unseen=UNSEEN,
        )
        for name in ("deactivate", "reactivate", "unlock", "end-sessions", "reset-second-factor")
    ),
    Row(
        "person-erasure",
        {"GET": Door(SEE_ERASURES), "POST": Door(MANAGE_PEOPLE)},
        values=PERSON,
        unseen=EVERYBODY - SEE_ERASURES,
    ),
]
READERS = [
    Reader("portal.selectors.people:people_visible_to", SEE_PEOPLE),
    Reader("portal.selectors.people:grants_visible_to", SEE_PEOPLE),
    Reader("portal.selectors.erasures:people_to_erase_visible_to", SEE_ERASURES),
    Reader(
        "portal.selectors.erasures:requests_to_erase_visible_to",
        SEE_ERASURES,
        arguments={"person": "@erased_person"},
    ),
]
