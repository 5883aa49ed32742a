"""Who may open and change what: pages of the registry, four ways.

By default some of each kind of page, for every kind of person; a sweep asks for every page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import Membership, Milestone, Repository, RepositoryLink, UseCase
from adoption.services.teams import add_membership
from adoption.services.use_cases import link_repository
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_use_case,
    make_user,
    registered_metric,
)
from tests.plugins.sweeping import sampled
from tests.standing import Stand

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Registry:
    """One of everything, and one person of each kind."""

    use_case: UseCase
    milestone: Milestone
    membership: Membership
    link: RepositoryLink
    owner: User
    lead: User
    administrator: User
    employee: User
    auditor: User

    def url(self, name: str) -> str:
        slug = self.use_case.slug
        arguments: dict[str, list[object]] = {
            "use-case": [slug],
            "use-case-edit": [slug],
            "use-case-stage": [slug],
            "repository-link-new": [slug],
            "repository-link-end": [slug, self.link.pk],
            "milestone-new": [slug],
            "milestone-edit": [slug, self.milestone.pk],
            "milestone-remove": [slug, self.milestone.pk],
            "programme": [self.use_case.programme.slug],
            "programme-edit": [self.use_case.programme.slug],
            "team": [self.use_case.team.slug],
            "team-edit": [self.use_case.team.slug],
            "membership-new": [self.use_case.team.slug],
            "membership-end": [self.use_case.team.slug, self.membership.pk],
            "metric": ["things"],
            "metric-of-use-case": ["things", slug],
        }
        return reverse(name, args=arguments.get(name, []))


def make_registry() -> Registry:
    """Through the services."""
    owner = make_user()
    use_case = make_use_case(owner=owner)
    with registered_metric():
        return Registry(
            use_case=use_case,
            milestone=make_milestone(use_case),
            membership=add_membership(
                team_id=use_case.team_id,
                user=owner,
                starts_on=dt.date(2026, 1, 1),
                actor=owner,
                at=NOW,
            ),
            link=link_repository(
                use_case_id=use_case.pk,
                repository=Repository.objects.create(key="r", name="r"),
                starts_on=dt.date(2026, 1, 1),
                actor=owner,
                at=NOW,
            ),
            owner=owner,
            lead=make_user(Role.PROGRAMME_LEAD),
            administrator=make_user(Role.ADMINISTRATOR),
            employee=make_user(),
            auditor=make_user(Role.AUDITOR),
        )


@pytest.fixture(scope="module")
def standing_registry(standing: Stand) -> Registry:
    """Made once a module; what a test does to it is rolled back."""
    return standing(make_registry)


@pytest.fixture
def registry(standing_registry: Registry, db: None) -> Iterator[Registry]:
    """The registry as it is stored, read anew for each test."""
    rows = {each.name: getattr(standing_registry, each.name) for each in fields(Registry)}
    with registered_metric():
        yield Registry(**{name: type(row).objects.get(pk=row.pk) for name, row in rows.items()})


OPEN_TO_ALL = (
    "portfolio",
    "use-case",
    "use-case-new",
    "use-case-similar",
    "programme-list",
    "programme",
    "team-list",
    "team",
    "metric-list",
    "metric",
    "metric-of-use-case",
)
FOR_OWNER_AND_LEAD = (
    "use-case-edit",
    "use-case-stage",
    "repository-link-new",
    "repository-link-end",
    "milestone-new",
    "milestone-edit",
    "milestone-remove",
)
FOR_LEAD_AND_ADMINISTRATOR = (
    "programme-new",
    "programme-edit",
    "team-new",
    "team-edit",
    "membership-new",
    "membership-end",
)


@pytest.mark.parametrize(
    "name",
    sampled(
        OPEN_TO_ALL + FOR_OWNER_AND_LEAD + FOR_LEAD_AND_ADMINISTRATOR,
        *("use-case", "use-case-edit", "programme-new"),
    ),
)
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(registry: Registry, name: str) -> None:
    answer = Client().get(registry.url(name))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("sign-in"))


def _status(registry: Registry, who: str, name: str, method: str = "get") -> int:
    client = Client()
    client.force_login(getattr(registry, who))
    return int(getattr(client, method)(registry.url(name)).status_code)


@pytest.mark.parametrize("who", ["owner", "lead", "administrator", "employee", "auditor"])
@pytest.mark.parametrize("name", sampled(OPEN_TO_ALL, "use-case", "team"))
def test_the_registry_is_open_to_everybody_inside(registry: Registry, who: str, name: str) -> None:
    assert _status(registry, who, name) == 200


@pytest.mark.parametrize("method", sampled(["get", "post"], "post"))
@pytest.mark.parametrize(
    "name", sampled(FOR_OWNER_AND_LEAD, "use-case-edit", "milestone-remove", "repository-link-end")
)
def test_a_use_case_is_changed_by_its_owner_and_by_leads(
    registry: Registry, name: str, method: str
) -> None:
    # An empty form is refused with 200: the person was let through to it.
    found = {
        who: _status(registry, who, name, method)
        for who in ("owner", "lead", "administrator", "employee", "auditor")
    }
    assert found == {
        "owner": 200,
        "lead": 200,
        "administrator": 403,
        "employee": 403,
        "auditor": 403,
    }


@pytest.mark.parametrize("method", sampled(["get", "post"], "post"))
@pytest.mark.parametrize(
    "name", sampled(FOR_LEAD_AND_ADMINISTRATOR, "programme-edit", "membership-end")
)
def test_programmes_and_teams_are_changed_by_leads_and_administrators(
    registry: Registry, name: str, method: str
) -> None:
    found = {
        who: _status(registry, who, name, method)
        for who in ("owner", "lead", "administrator", "employee", "auditor")
    }
    assert found == {
        "owner": 403,
        "lead": 200,
        "administrator": 200,
        "employee": 403,
        "auditor": 403,
    }


def test_what_does_not_exist_is_404_even_for_who_may_not_change_it(registry: Registry) -> None:
    client = Client()
    client.force_login(registry.employee)
    other = make_use_case()
    for url in (
        reverse("use-case", args=["nothing"]),
        reverse("use-case-edit", args=["nothing"]),
        reverse("programme", args=["nothing"]),
        reverse("team", args=["nothing"]),
        reverse("metric", args=["tokens"]),
        reverse("metric-of-use-case", args=["things", "nothing"]),
        # A milestone is found below its own use case only.
        reverse("milestone-edit", args=[other.slug, registry.milestone.pk]),
        reverse("repository-link-end", args=[other.slug, registry.link.pk]),
    ):
        assert client.get(url).status_code == 404, url


def test_pages_offer_only_what_this_person_may_do(registry: Registry) -> None:
    edit = registry.url("use-case-edit").encode()
    for who, is_offered in (("owner", True), ("lead", True), ("employee", False)):
        client = Client()
        client.force_login(getattr(registry, who))
        assert (edit in client.get(registry.url("use-case")).content) is is_offered
    for who, is_offered in (("administrator", True), ("employee", False)):
        client = Client()
        client.force_login(getattr(registry, who))
        page = client.get(registry.url("programme-list")).content
        assert (registry.url("programme-new").encode() in page) is is_offered
