"""People, and connections with something to look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.choices import Role
from portal.models import Connection, User
from tests.imports import make_connection, make_person

SignedIn = Callable[..., Client]


@pytest.fixture
def cloud(db: None) -> Connection:
    return make_connection("cloud")


@pytest.fixture
def fin(db: None) -> User:
    """Someone from finance: runs imports and decides about held ones."""
    return make_person("fin", Role.FINANCE)


@pytest.fixture
def fin_client(fin: User, client: Client) -> Client:
    client.force_login(fin)
    return client


@pytest.fixture
def signed_in(db: None) -> SignedIn:
    """A client of somebody who holds the given roles."""

    def sign_in(*roles: Role) -> Client:
        client = Client()
        name = "-".join(["person", *roles])
        client.force_login(User.objects.filter(username=name).first() or make_person(name, *roles))
        return client

    return sign_in


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that the queue was told about, instead of telling it."""
    from portal.tasks import run_import

    told: list[int] = []
    monkeypatch.setattr(
        run_import, "apply_async", lambda *, kwargs, **_: told.append(kwargs["run_id"])
    )
    return told
