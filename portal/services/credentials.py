"""Setting, clearing and re-encrypting the credentials of connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import SecretStr

from portal.credentials.envelope import seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.credentials.references import check_reference
from portal.credentials.resolve import purpose_of
from portal.imports.registry import import_sources
from portal.logs import know_secret
from portal.models import Connection, StoredCredential, User

log = structlog.get_logger(__name__)
MAX_CHARACTERS = 16_384
_SHOWN_FROM = 16  # of a shorter secret four characters would be too much


@dataclass(frozen=True, slots=True)
class CredentialChange:
    """What a person gave: a secret to keep, or a reference to one, or the wish to forget it.

    Nothing given changes nothing: a form never shows a secret, so an empty field means "as it is".
    """

    secret: SecretStr = SecretStr("")
    reference: str = ""
    is_cleared: bool = False

    @property
    def is_given(self) -> bool:
        """Whether there is a new one."""
        return bool(self.secret.get_secret_value().strip() or self.reference.strip())


def apply_credential_change(
    *, connection: Connection, change: CredentialChange, actor: User | None, at: datetime
) -> None:
    """Set or clear the credential of a connection that is locked by the caller's transaction.

    Raises:
        ValidationError: naming the field that is not as it should be.
    """
    secret, reference = change.secret.get_secret_value().strip(), change.reference.strip()
    know_secret(secret)
    if import_sources.get(connection.source).credential is None and change.is_given:
        raise ValidationError({"credential_secret": "This source needs no credential."})
    if sum((bool(secret), bool(reference), change.is_cleared)) > 1:
        raise ValidationError(
            {"credential_secret": "Give the secret, or where it is, or clear it: one of these."}
        )
    if reference:
        _refer_to(connection, reference)
    elif secret:
        _keep(connection, secret, actor, at)
    elif change.is_cleared:
        forget_credential(connection=connection)


def forget_credential(*, connection: Connection) -> bool:
    """Forget secret and reference; returns whether there was one."""
    deleted, _ = StoredCredential.objects.filter(connection=connection).delete()
    had_reference = bool(connection.credentials_ref)
    connection.credentials_ref = ""
    connection.save(update_fields=["credentials_ref"])
    return bool(deleted) or had_reference


def _refer_to(connection: Connection, reference: str) -> None:
    try:
        check_reference(reference, folder=settings.ENVIRONMENT.plumbline_credential_dir)
    except ValueError as error:
        raise ValidationError({"credential_ref": str(error)}) from None
    StoredCredential.objects.filter(connection=connection).delete()
    connection.credentials_ref = reference
    connection.save(update_fields=["credentials_ref"])


def _keep(connection: Connection, secret: str, actor: User | None, at: datetime) -> None:
    if len(secret) > MAX_CHARACTERS:
        raise ValidationError({"credential_secret": f"At most {MAX_CHARACTERS} characters."})
    try:
        sealed = seal(secret, purpose_of(connection), settings.CREDENTIAL_KEYS)
    except CredentialUnavailableError as error:
        raise ValidationError({"credential_secret": str(error)}) from None
    StoredCredential.objects.update_or_create(
        connection=connection,
        defaults={
            "key_number": sealed.key_number,
            "ciphertext": sealed.ciphertext,
            "fingerprint": sealed.fingerprint,
            "last_four": secret[-4:] if len(secret) >= _SHOWN_FROM else "",
            "set_by": actor,
            "set_at": at,
        },
    )
    connection.credentials_ref = ""
    connection.save(update_fields=["credentials_ref"])


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of one stored credential; `problem` says why it was left as it is."""

    connection: str
    problem: str = ""


def credentials_to_rotate() -> list[int]:
    """Ids of the credentials that are not encrypted with the newest key.

    Raises:
        MissingKeyError: there is no key at all.
    """
    newest = settings.CREDENTIAL_KEYS.newest
    rows = StoredCredential.objects.exclude(key_number=newest).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def rotate_credentials(*, ids: list[int]) -> Iterator[Rotated]:
    """Encrypt each with the newest key, one transaction each.

    It may be stopped and begun again at any time, and people may set credentials meanwhile: each
    row is locked, and one that is current by then is left alone. What cannot be read stays as it
    is, so that a key that turns up again still opens it.
    """
    for pk in ids:
        outcome = _rotate(pk)
        if outcome is not None:
            yield outcome


@transaction.atomic
def _rotate(pk: int) -> Rotated | None:
    row = (
        StoredCredential.objects.select_for_update(of=("self",))
        .select_related("connection")
        .filter(pk=pk)
        .first()
    )
    keys = settings.CREDENTIAL_KEYS
    if row is None or row.key_number == keys.newest:
        return None
    slug = row.connection.slug
    if row.connection.source not in import_sources:
        return Rotated(slug, f"its source {row.connection.source} is gone")
    purpose = purpose_of(row.connection)
    try:
        secret = unseal(row.key_number, row.ciphertext, purpose, keys)
    except CredentialUnavailableError as error:
        return Rotated(slug, str(error))
    sealed = seal(secret, purpose, keys)
    row.key_number, row.ciphertext = sealed.key_number, sealed.ciphertext
    row.fingerprint = sealed.fingerprint
    row.save(update_fields=["key_number", "ciphertext", "fingerprint"])
    return Rotated(slug)
