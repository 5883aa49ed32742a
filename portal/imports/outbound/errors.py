"""What can go wrong with a fetch, told apart by what helps: waiting, a person, or nothing."""

from __future__ import annotations

from portal.imports.contracts import ImportRefusedError, SourceUnavailableError


class AddressRefusedError(ImportRefusedError):
    """The portal does not call that address; nothing was sent there, no credential either."""

    def __init__(self, problem: str, *, value: str | None = None, expected: str = "") -> None:
        super().__init__("address_not_allowed", problem, value=value, expected=expected)


class CredentialRefusedError(ImportRefusedError):
    """The provider does not accept the credential, or it may not read what was asked for."""

    def __init__(self, status: int, place: str) -> None:
        super().__init__(
            "credential_refused",
            f"{place} answered {status}: the credential is not accepted or may not read this",
            expected="another credential on the page of the connection",
        )


class AnswerRefusedError(ImportRefusedError):
    """The provider answered something that must not be taken; asking again would not help."""


class SourceBusyError(SourceUnavailableError):
    """The provider asks to come back later; that is no failure of the attempt.

    Attributes:
        retry_after: seconds after which it may be asked again.
    """

    def __init__(self, problem: str, *, retry_after: float) -> None:
        super().__init__(problem)
        self.retry_after = retry_after
