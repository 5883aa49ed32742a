"""The credential of a connection, for the one who fetches with it."""

from __future__ import annotations

from django.conf import settings
from pydantic import SecretStr

from portal.credentials.envelope import Purpose, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.credentials.references import read_reference
from portal.imports.registry import import_sources
from portal.logs import know_secret
from portal.models import Connection, StoredCredential


def purpose_of(connection: Connection) -> Purpose:
    """What a secret of this connection is for: it, and the addresses in its configuration."""
    need = import_sources.get(connection.source).credential
    fields = need.address_fields if need is not None else ()
    return Purpose(connection.pk, {name: connection.config.get(name) for name in fields})


def credential_of(connection: Connection) -> SecretStr:
    """The secret itself; masked in logs from here on. Give it to the client and to nobody else.

    Raises:
        CredentialUnavailableError: none is set, or it cannot be read; says what to do.
    """
    if connection.credentials_ref:
        secret = read_reference(
            connection.credentials_ref, folder=settings.ENVIRONMENT.plumbline_credential_dir
        )
    else:
        stored = StoredCredential.objects.filter(connection=connection).first()
        if stored is None:
            raise CredentialUnavailableError(
                f"connection {connection.slug} has no credential",
                expected="one on the page where it is configured",
            )
        secret = unseal(
            stored.key_number, stored.ciphertext, purpose_of(connection), settings.CREDENTIAL_KEYS
        )
    know_secret(secret)
    return SecretStr(secret)
