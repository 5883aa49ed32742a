"""What may be shown of a credential: its kind, its last four characters, its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.imports.registry import import_sources
from portal.models import Connection, StoredCredential


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What a page says about the credential of a connection.

    Attributes:
        label: what the source calls it.
        kind: `stored`, `reference` or empty when there is none.
        reference: where it is, for a reference.
        last_four: its end, where it is long enough for that.
        fingerprint: tells two secrets apart; another one after the keys are rotated.
        set_at, set_by: when it was stored, aware, and by whom.
        key_number: the key that it is encrypted with.
    """

    label: str
    kind: str = ""
    reference: str = ""
    last_four: str = ""
    fingerprint: str = ""
    set_at: datetime | None = None
    set_by: str = ""
    key_number: int | None = None


def credential_facts(connection: Connection) -> CredentialFacts | None:
    """Facts about the credential; None when the source needs none. The secret is not read."""
    if connection.source not in import_sources:
        return None
    need = import_sources.get(connection.source).credential
    if need is None:
        return None
    if connection.credentials_ref:
        return CredentialFacts(need.label, "reference", connection.credentials_ref)
    stored = (
        StoredCredential.objects.filter(connection=connection)
        .select_related("set_by")
        .defer("ciphertext")
        .first()
    )
    if stored is None:
        return CredentialFacts(need.label)
    return CredentialFacts(
        need.label,
        "stored",
        last_four=stored.last_four,
        fingerprint=stored.fingerprint,
        set_at=stored.set_at,
        set_by=str(stored.set_by or ""),
        key_number=stored.key_number,
    )
