"""Why a credential cannot be had."""

from __future__ import annotations

from portal.imports.contracts import ImportRefusedError


class CredentialUnavailableError(ImportRefusedError):
    """The connection's credential cannot be read now; the message says why and never shows it."""

    def __init__(self, problem: str, *, expected: str = "") -> None:
        super().__init__("credential_unavailable", problem, expected=expected)
