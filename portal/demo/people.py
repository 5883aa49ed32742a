"""The people of the demo: one login for every role, and colleagues."""

from __future__ import annotations

from typing import NamedTuple

from portal.approvals.guards import ROLE_KIND
from portal.choices import Role
from portal.demo import PASSWORD, DemoContext
from portal.models import User
from portal.selectors.pending_approvals import pending_request
from portal.services.people import create_person
from portal.services.roles import request_role, role_subject


class _Person(NamedTuple):
    username: str
    full_name: str
    roles: tuple[Role, ...] = ()
    shown_as: str = ""


PEOPLE = (
    _Person("lead", "Ines Okafor", (Role.PROGRAMME_LEAD,), "Programme lead"),
    _Person("owner", "Tomasz Lindqvist", (), "Owner of use cases"),
    _Person("employee", "Mira Castellanos", (), "Employee"),
    _Person("finance", "Ruth Abernathy", (Role.FINANCE,), "Finance"),
    _Person("approver", "Kwame Adeyemi", (Role.APPROVER,), "Approver"),
    _Person("auditor", "Signe Halvorsen", (Role.AUDITOR,), "Auditor"),
    _Person("admin", "Jun Watanabe", (Role.ADMINISTRATOR,), "Administrator"),
    _Person("priya", "Priya Ramanathan"),
    _Person("lukas", "Lukas Brandstetter-Wojciechowski"),
    _Person("amara", "Amara Nwosu"),
    _Person("diego", "Diego Ferreira"),
    _Person("hana", "Hana Kobayashi"),
    _Person("noor", "Noor El-Sayed"),
    _Person("oskar", "Oskar Nieminen"),
    _Person("bea", "Beatriz Quiroga"),
    _Person("tariq", "Tariq Mahmoud"),
)


def build_people(context: DemoContext) -> None:
    """Create whoever is missing; passwords of people that exist are left alone."""
    context.say("People and roles")
    for person in PEOPLE:
        user = User.objects.filter(username=person.username).first()
        if user is None:
            user = create_person(
                username=person.username,
                full_name=person.full_name,
                email=f"{person.username}@acme.example",
                password=PASSWORD,
                roles=person.roles,
                at=context.now,
            )
        context.people[person.username] = user
        if person.shown_as:
            context.logins.append((person.username, f"{person.shown_as}: {person.full_name}"))


def ask_for_roles(context: DemoContext) -> None:
    """What waits in the approvals inbox: a colleague is to help in finance."""
    user = context.people["priya"]
    subject = role_subject(user, Role.FINANCE)
    if user.has_role(Role.FINANCE) or pending_request(ROLE_KIND, subject) is not None:
        return
    request_role(
        user=user, role=Role.FINANCE, reason="Stands in for Ruth during the year-end close.",
        actor=context.people["admin"], at=context.now,
    )  # fmt: skip
