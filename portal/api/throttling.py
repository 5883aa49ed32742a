"""How often the API may be called: by token, else by person; refused callers by address."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from portal.api.errors import TOO_MANY_REQUESTS, Problem
from portal.limits import TooManyRequestsError, take_turn
from portal.models import ApiToken
from portal.network import client_address


def caller_of(request: Request) -> str:
    """Whom a request counts for."""
    if isinstance(request.auth, ApiToken):
        return f"token {request.auth.pk}"
    return f"person {request.user.pk}"


class CallerThrottle(BaseThrottle):
    """Counts each accepted request of a token or person.

    Not DRF's own counters: theirs live in one process, and an address that the caller may forge is
    part of their keys.
    """

    def allow_request(self, request: Request, view: object) -> bool:
        """True, or a problem.

        Raises:
            Problem: 429, saying when to come back.
        """
        try:
            take_turn("api", caller_of(request))
        except TooManyRequestsError as error:
            raise too_many(error) from None
        return True


def count_refused(request: Request) -> None:
    """Count a request that nobody vouches for, by the address that it really comes from.

    Raises:
        Problem: 429 when there were too many; valid tokens from there are still accepted.
    """
    try:
        take_turn("api_refused", f"address {client_address(request._request)}")
    except TooManyRequestsError as error:
        raise too_many(error) from None


def too_many(error: TooManyRequestsError) -> Problem:
    """The problem, with Retry-After in seconds."""
    return Problem(
        TOO_MANY_REQUESTS,
        f"The limit is {error.rate}. Try again in {error.wait} s.",
        headers={"Retry-After": str(error.wait)},
    )
