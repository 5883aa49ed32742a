"""Creating and changing connections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from portal.choices import RejectionPolicy
from portal.credentials.resolve import purpose_of
from portal.imports.registry import import_sources
from portal.models import Connection, User
from portal.services.credentials import (
    CredentialChange,
    apply_credential_change,
    forget_credential,
)

NO_CHANGE = CredentialChange()


class ConnectionConfigError(ValueError):
    """The configuration does not fit the source; the message names key, value and expectation."""


def check_config(source: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Validate a configuration against the source's schema and fill in defaults.

    Raises:
        ConnectionConfigError: a key is unknown or a value does not fit.
        NotRegisteredError: there is no such source.
    """
    model = import_sources.get(source).config_model
    try:
        return model.model_validate(dict(config)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConnectionConfigError(
            f"{key}: {first['msg']} (found {first.get('input')!r})"
        ) from error


@transaction.atomic
def create_connection(
    *,
    slug: str,
    source: str,
    at: datetime,
    name: str = "",
    config: Mapping[str, Any] | None = None,
    rejection_policy: RejectionPolicy = RejectionPolicy.QUARANTINE,
    actor: User | None = None,
    credential: CredentialChange = NO_CHANGE,
) -> Connection:
    """Configure a source under a new name.

    Raises:
        ConnectionConfigError: the configuration does not fit.
        django.core.exceptions.ValidationError: the slug is taken or malformed, or the credential
            is not as it should be.
    """
    connection = Connection(
        slug=slug,
        name=name or slug.replace("-", " ").capitalize(),
        source=source,
        kind=import_sources.get(source).kind,
        config=check_config(source, config or {}),
        rejection_policy=rejection_policy,
        created_by=actor,
        created_at=at,
    )
    connection.full_clean()
    connection.save()
    apply_credential_change(connection=connection, change=credential, actor=actor, at=at)
    return connection


@transaction.atomic
def update_connection(
    *,
    connection: Connection,
    name: str,
    config: Mapping[str, Any],
    rejection_policy: RejectionPolicy,
    is_active: bool,
    at: datetime,
    actor: User | None = None,
    credential: CredentialChange = NO_CHANGE,
) -> bool:
    """Change what may change; slug and source stay, since everything imported hangs on them.

    A credential was given for one address: when an address changes and no new credential comes
    with it, the old one is forgotten, or it would be sent to whoever is at the new address.

    Returns:
        Whether a credential was forgotten for that reason.

    Raises:
        ConnectionConfigError: the configuration does not fit.
        django.core.exceptions.ValidationError: the credential is not as it should be.
    """
    stored = Connection.objects.select_for_update().get(pk=connection.pk)
    before = purpose_of(stored)
    connection.name = name
    connection.config = check_config(connection.source, config)
    connection.rejection_policy = rejection_policy
    connection.is_active = is_active
    connection.credentials_ref = stored.credentials_ref
    connection.full_clean()
    connection.save()
    is_moved = purpose_of(connection) != before
    forgotten = is_moved and forget_credential(connection=connection)
    apply_credential_change(connection=connection, change=credential, actor=actor, at=at)
    return forgotten and not credential.is_given
