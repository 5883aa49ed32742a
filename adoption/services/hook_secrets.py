"""Secrets that prove hooks: making, withdrawing, and reading them for the one who checks."""

from __future__ import annotations

import secrets as dice
from datetime import datetime

from django.conf import settings
from django.db import transaction

from adoption.models import HookSecret
from adoption.services.refusals import RefusedError
from portal.credentials.envelope import Purpose, seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.logs import know_secret
from portal.models import Connection, User

MOST_VALID = 2  # the one in use, and the next during a change-over
SHORTEST, LONGEST = 16, 500


class SecretRefusedError(RefusedError):
    """The secret cannot be made or withdrawn as asked; the message says why."""


def _purpose(connection_id: int) -> Purpose:
    return Purpose(connection_id, {"use": "hook"})


@transaction.atomic
def make_hook_secret(
    *, connection: Connection, actor: User | None, at: datetime, given: str = ""
) -> str:
    """A new secret for the hooks of a connection; the caller shows it once.

    Args:
        given: a secret that the sender dictates (GitLab's signing token); made here when empty.

    Raises:
        SecretRefusedError: two are valid already, it is too short, or no key is configured.
    """
    Connection.objects.select_for_update().get(pk=connection.pk)
    valid = HookSecret.objects.filter(connection=connection, withdrawn_at__isnull=True)
    if valid.count() >= MOST_VALID:
        raise SecretRefusedError(
            "Two secrets are valid already. Withdraw the one that the sender no longer uses."
        )
    secret = given.strip() or dice.token_urlsafe(32)
    if not SHORTEST <= len(secret) <= LONGEST:
        raise SecretRefusedError(
            f"A secret has {SHORTEST} to {LONGEST} characters; leave it empty to have one made.",
            field="given",
        )
    try:
        sealed = seal(secret, _purpose(connection.pk), settings.CREDENTIAL_KEYS)
    except CredentialUnavailableError as error:
        raise SecretRefusedError(str(error)) from error
    know_secret(secret)
    HookSecret.objects.create(
        connection=connection,
        key_number=sealed.key_number,
        ciphertext=sealed.ciphertext,
        fingerprint=sealed.fingerprint,
        last_four=secret[-4:],
        made_by=actor,
        made_at=at,
    )
    return secret


@transaction.atomic
def withdraw_hook_secret(*, secret: HookSecret, at: datetime) -> None:
    """From now on it proves nothing.

    Raises:
        SecretRefusedError: it has been withdrawn already.
    """
    changed = HookSecret.objects.filter(pk=secret.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=at
    )
    if not changed:
        raise SecretRefusedError("This secret has been withdrawn already.")


def valid_secrets(connection: Connection) -> list[str]:
    """The secrets that prove hooks of a connection, newest first. Never show or log them.

    Raises:
        CredentialUnavailableError: none of those that are stored can be read.
    """
    rows = HookSecret.objects.filter(connection=connection, withdrawn_at__isnull=True)
    found: list[str] = []
    problem: CredentialUnavailableError | None = None
    for row in rows.order_by("-pk"):
        try:
            found.append(
                unseal(
                    row.key_number,
                    row.ciphertext,
                    _purpose(connection.pk),
                    settings.CREDENTIAL_KEYS,
                )
            )
        except CredentialUnavailableError as error:
            problem = error
    if problem is not None and not found:
        raise problem
    return found


@transaction.atomic
def rotate_hook_secret(*, pk: int) -> bool:
    """Encrypt one with the newest key; whether it was not yet."""
    row = HookSecret.objects.select_for_update().get(pk=pk)
    keys = settings.CREDENTIAL_KEYS
    if row.key_number == keys.newest:
        return False
    purpose = _purpose(row.connection_id)
    sealed = seal(unseal(row.key_number, row.ciphertext, purpose, keys), purpose, keys)
    row.key_number, row.ciphertext = sealed.key_number, sealed.ciphertext
    row.fingerprint = sealed.fingerprint
    row.save(update_fields=["key_number", "ciphertext", "fingerprint"])
    return True
