"""Who may open and do what on the import pages: each address, four ways and more."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.choices import Role
from portal.models import Connection, RejectedRow
from tests.imports import line, request, run_import
from tests.portal.imports.conftest import SignedIn

READERS = (Role.FINANCE, Role.PROGRAMME_LEAD, Role.AUDITOR, Role.APPROVER, Role.ADMINISTRATOR)
RUNNERS = {Role.FINANCE, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR}
DECIDERS = {Role.FINANCE, Role.PROGRAMME_LEAD}
CONFIGURERS = {Role.ADMINISTRATOR}


@pytest.fixture
def pages(cloud: Connection) -> dict[str, set[Role]]:
    """Every page to look at, and the roles that may."""
    run = run_import(cloud, [line(), line(4, ServiceName="Store", ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    everybody = set(READERS)
    return {
        "/imports/": everybody,
        "/imports/connections/cloud/": everybody,
        "/imports/runs/": everybody,
        f"/imports/runs/{run.pk}/": everybody,
        "/imports/quarantine/": everybody,
        f"/imports/quarantine/{row.pk}/": everybody,
        "/imports/connections/cloud/upload/": RUNNERS,
        "/imports/connections/new/": CONFIGURERS,
        "/imports/connections/new/?source=focus": CONFIGURERS,
        "/imports/connections/cloud/edit/": CONFIGURERS,
    }


def test_a_stranger_is_sent_to_sign_in(client: Client, pages: dict[str, set[Role]]) -> None:
    for path in pages:
        response = client.get(path)
        assert (response.status_code, response.headers["Location"].split("?")[0]) == (
            302,
            "/sign-in/",
        ), path


def test_somebody_without_a_role_is_refused(
    signed_in: SignedIn, pages: dict[str, set[Role]]
) -> None:
    client = signed_in()
    for path in pages:
        assert client.get(path).status_code == 403, path


@pytest.mark.parametrize("role", READERS)
def test_each_role_opens_exactly_its_pages(
    signed_in: SignedIn, pages: dict[str, set[Role]], role: Role
) -> None:
    client = signed_in(role)
    for path, allowed in pages.items():
        assert client.get(path).status_code == (200 if role in allowed else 403), path


def _posts(cloud: Connection) -> dict[str, set[Role]]:
    run_import(cloud, [line(), line(4, ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    return {
        "/imports/connections/cloud/upload/": RUNNERS,
        f"/imports/quarantine/{row.pk}/": RUNNERS,
        f"/imports/runs/{row.run_id}/replay/": RUNNERS,
        f"/imports/runs/{row.run_id}/release/": DECIDERS,
        f"/imports/runs/{row.run_id}/discard/": DECIDERS,
        "/imports/connections/new/?source=focus": CONFIGURERS,
        "/imports/connections/cloud/edit/": CONFIGURERS,
    }


@pytest.mark.parametrize("role", [None, *READERS])
def test_each_role_does_exactly_what_it_may(
    signed_in: SignedIn, cloud: Connection, sent: list[int], role: Role | None
) -> None:
    client = signed_in(*([role] if role else []))
    for path, allowed in _posts(cloud).items():
        refused = client.post(path, {}).status_code == 403
        assert refused == (role not in allowed), path


def test_deciding_needs_a_post(fin_client: Client, cloud: Connection) -> None:
    run = request(cloud, [line()])
    for what in ("replay", "release", "discard"):
        assert fin_client.get(f"/imports/runs/{run.pk}/{what}/").status_code == 405


def test_what_is_not_there_is_404(fin_client: Client, signed_in: SignedIn, db: None) -> None:
    for path in ("connections/no/", "runs/7/", "quarantine/7/", "connections/no/upload/"):
        assert fin_client.get(f"/imports/{path}").status_code == 404, path
    admin = signed_in(Role.ADMINISTRATOR)
    assert admin.get("/imports/connections/new/?source=nonsense").status_code == 404


@pytest.mark.parametrize("roles", [[], [Role.AUDITOR], [Role.FINANCE]])
def test_navigation_offers_imports_to_those_who_may_see_them(
    signed_in: SignedIn, roles: list[Role]
) -> None:
    html = signed_in(*roles).get("/").content.decode()
    assert ('href="/imports/"' in html) == bool(roles)
    assert ('href="/imports/quarantine/"' in html) == bool(roles)
