"""What a source says about the credential that it needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CredentialNeed:
    """A source needs a secret to fetch.

    Attributes:
        label: what the provider calls it, such as `Admin API key`.
        help: where to get it and what it must be allowed to do, in a sentence.
        address_fields: keys of the source's configuration that say where the secret is sent. When
            one of them changes, the credential is forgotten: it was given for another host.
    """

    label: str
    help: str
    address_fields: tuple[str, ...] = ()
