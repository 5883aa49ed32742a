"""Who looks at the pages of the registry, and what can be measured meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from portal.choices import Role
from portal.models import User
from tests.adoption.factories import FakeMetric, make_user, registered_metric
from tests.standing import standing

__all__ = ["as_lead", "lead", "standing", "things"]


@pytest.fixture
def things() -> Iterator[FakeMetric]:
    """A metric whose values the test sets."""
    with registered_metric() as fake:
        yield fake


@pytest.fixture
def lead() -> User:
    """A programme lead, Lea Lead."""
    return make_user(Role.PROGRAMME_LEAD, name="Lea Lead")


@pytest.fixture
def as_lead(lead: User) -> Client:
    """The lead's browser."""
    client = Client()
    client.force_login(lead)
    return client
