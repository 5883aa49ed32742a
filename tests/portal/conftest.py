"""The gallery's addresses, and people to look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.models import User


@pytest.fixture
def gallery(settings: Any) -> str:
    """Serve the gallery beside the product, for this test."""
    settings.ROOT_URLCONF = "tests.portal.shell.gallery.urls"
    return "/gallery/"


@pytest.fixture
def make_people(db: None) -> Callable[[int], list[User]]:
    """Make so many people, `p000` onwards; every third has a name."""

    def make(count: int) -> list[User]:
        return User.objects.bulk_create(
            User(username=f"p{i:03}", full_name=f"Person {i}" if i % 3 == 0 else "")
            for i in range(count)
        )

    return make


@pytest.fixture
def ada(db: None) -> User:
    """A person without any role."""
    return User.objects.create_user("ada", password="a long pass phrase", full_name="Ada Brook")


@pytest.fixture
def ada_client(ada: User, client: Client) -> Client:
    client.force_login(ada)
    return client
