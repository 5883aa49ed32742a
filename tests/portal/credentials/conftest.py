"""A source that fetches with a secret from a configured address, and a connection of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from portal.choices import Role
from portal.credentials.needs import CredentialNeed
from portal.env import new_encryption_key
from portal.imports.registry import import_sources
from portal.keys import NumberedSecrets
from portal.models import Connection, User
from portal.services.connections import create_connection
from portal.services.credentials import CredentialChange
from tests.imports import make_person

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = "sk-canary-5b1fe0c2d94a7733"


class ForgeConfig(BaseModel):
    base_url: str = "https://forge.example"
    group: str = ""


class _ForgeReader:
    key = "forge"
    parser_version = "1"

    def read(self, files: Any, options: Any) -> Iterator[Any]:
        yield from ()


@pytest.fixture(autouse=True)
def forge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the source for one test."""
    focus = import_sources.get("focus")
    source = replace(
        focus,
        key="forge",
        label="Forge",
        source=_ForgeReader(),
        config_model=ForgeConfig,
        credential=CredentialNeed("Access token", "Made in the forge.", ("base_url",)),
    )
    monkeypatch.setattr(import_sources, "_items", {**import_sources._items, "forge": source})


@pytest.fixture
def keys(settings: Any) -> NumberedSecrets:
    """Two numbered keys, of which the second is the newest."""
    made = NumberedSecrets(
        "PLUMBLINE_CREDENTIAL_KEYS", {1: new_encryption_key(), 2: new_encryption_key()}
    )
    settings.CREDENTIAL_KEYS = made
    return made


@pytest.fixture
def admin(db: None) -> User:
    return make_person("admin", Role.ADMINISTRATOR)


@pytest.fixture
def connection(keys: NumberedSecrets, admin: User) -> Connection:
    """A connection whose credential is kept."""
    return make_forge(admin)


def make_forge(admin: User, slug: str = "forge-one", secret: str = SECRET) -> Connection:
    return create_connection(
        slug=slug,
        source="forge",
        at=NOW,
        actor=admin,
        credential=CredentialChange(secret=SecretStr(secret)),
    )
