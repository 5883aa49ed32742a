"""People at the door, and a provider that vouches for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from portal.models import User
from portal.signin.variables import OidcSettings
from tests.portal.signin.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    running_provider,
)

PASSWORD = "a long pass phrase"


@pytest.fixture
def rules(settings: Any) -> Any:
    """Change the settings of signing in: `rules(second_factor=True)`."""

    def change(**changes: Any) -> None:
        settings.SIGN_IN = dataclasses.replace(settings.SIGN_IN, **changes)

    return change


@pytest.fixture
def provider(rules: Any) -> Iterator[Provider]:
    """A configured OpenID Connect provider, about to sign Ines in."""
    with running_provider() as running:
        running.person = {
            "sub": "subject-1",
            "preferred_username": "ines",
            "name": "Ines Okafor",
            "email": "ines@acme.example",
            "email_verified": True,
            "groups": ["plumbline-finance", "everybody"],
        }
        rules(
            oidc=OidcSettings(
                issuer=running.issuer,
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                name="Acme",
                scopes=("openid", "profile", "email"),
                group_claim="groups",
            ),
            group_roles=(("plumbline-finance", "finance"), ("plumbline-audit", "auditor")),
        )
        yield running


@pytest.fixture
def jun(db: None) -> User:
    """An administrator with a password."""
    user = User.objects.create_user("jun", password=PASSWORD, full_name="Jun Watanabe")
    user.role_grants.create(role="administrator", granted_at=user.date_joined)
    return user
