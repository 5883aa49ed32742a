"""People and clients for tests of the API frame."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from portal.models import User


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("ann", password=None)


@pytest.fixture
def api(person: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(person)
    return client
