"""Errors as `application/problem+json` (RFC 9457), and never as HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    RequestDataTooBig,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

CONTENT_TYPE = "application/problem+json"
NOT_OF_ONE_FIELD = "non_field_errors"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: `code` ends its `type` URI and never changes."""

    code: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        return f"urn:plumbline:problem:{self.code}"


BAD_REQUEST = ProblemType("bad-request", 400, "The request cannot be read")
INVALID = ProblemType("invalid", 400, "Something in the request is not as it should be")
NOT_SIGNED_IN = ProblemType("not-signed-in", 401, "Sign in first")
TOKEN_REFUSED = ProblemType("token-refused", 401, "This token is not accepted")
TOKEN_EXPIRED = ProblemType("token-expired", 401, "This token has expired")
TOKEN_REVOKED = ProblemType("token-revoked", 401, "This token was revoked")
TOKEN_OWNER_INACTIVE = ProblemType("token-owner-inactive", 401, "The owner has no access any more")
TOKEN_IN_ADDRESS = ProblemType("token-in-address", 401, "Send the token as a header")
FORBIDDEN = ProblemType("forbidden", 403, "This is not open to you")
TOKEN_NETWORK = ProblemType("token-network", 403, "This token is not valid from here")
INSUFFICIENT_SCOPE = ProblemType("insufficient-scope", 403, "This token may not do that")
SECOND_PERSON = ProblemType("second-person", 403, "A second person decides")
PERSON_NEEDED = ProblemType("person-needed", 403, "A person decides, never a token")
NOT_FOUND = ProblemType("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = ProblemType("method-not-allowed", 405, "This cannot be done here")
NOT_ACCEPTABLE = ProblemType("not-acceptable", 406, "There is no answer in the format asked for")
CONFLICT = ProblemType("conflict", 409, "It cannot be done in the present state")
IN_PROGRESS = ProblemType("in-progress", 409, "The same request is being worked on")
NOT_APPROVED = ProblemType("not-approved", 409, "This figure is not approved")
NOT_PENDING = ProblemType("not-pending", 409, "It is no longer open")
CHANGED_SINCE = ProblemType("changed-since", 409, "It was changed since it was asked for")
STALE_VERSION = ProblemType("stale-version", 412, "It was changed in the meantime")
TOO_LARGE = ProblemType("too-large", 413, "The payload is too large")
UNSUPPORTED_MEDIA_TYPE = ProblemType("unsupported-media-type", 415, "Send JSON")
KEY_REUSED = ProblemType("key-reused", 422, "The idempotency key belongs to another request")
VERSION_REQUIRED = ProblemType("version-required", 428, "Say which version you are changing")
TOO_MANY_REQUESTS = ProblemType("too-many-requests", 429, "Too many requests")
SERVER_ERROR = ProblemType("server-error", 500, "Something went wrong on our side")

PROBLEM_TYPES = (
    BAD_REQUEST,
    INVALID,
    NOT_SIGNED_IN,
    TOKEN_REFUSED,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    TOKEN_OWNER_INACTIVE,
    TOKEN_IN_ADDRESS,
    FORBIDDEN,
    TOKEN_NETWORK,
    INSUFFICIENT_SCOPE,
    SECOND_PERSON,
    PERSON_NEEDED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    CONFLICT,
    IN_PROGRESS,
    NOT_APPROVED,
    NOT_PENDING,
    CHANGED_SINCE,
    STALE_VERSION,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    KEY_REUSED,
    VERSION_REQUIRED,
    TOO_MANY_REQUESTS,
    SERVER_ERROR,
)
_BY_STATUS = {problem.status: problem for problem in reversed(PROBLEM_TYPES)}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field: a stable code and a sentence."""

    code: str
    detail: str


class Problem(Exception):
    """Raised by API views: answers with a problem of that type.

    Args:
        kind: its type.
        detail: what happened this time and what to do, in a sentence.
        errors: by field, for `INVALID`.
        headers: more response headers.
        more: further members of the document, as RFC 9457 allows.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        errors: Mapping[str, list[FieldProblem]] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        self.more = dict(more or {})


@dataclass
class Translations:
    """How exceptions of the rooms above become problems; rooms add theirs when they load."""

    _known: dict[type[Exception], Callable[[Any], Problem]] = field(default_factory=dict)

    def add(self, error: type[Exception], translate: Callable[[Any], Problem]) -> None:
        """Answer `error` and its subclasses with the problem that `translate(error)` returns."""
        self._known[error] = translate

    def find(self, error: Exception) -> Problem | None:
        """The problem for this exception; the most specific class known decides."""
        for kind in type(error).__mro__:
            if kind in self._known:
                return self._known[kind](error)
        return None


translations = Translations()


def request_id() -> str:
    """The id under which this request is in the log; empty outside a request."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The response for `problem`: needs no database, session or user."""
    document: dict[str, Any] = {
        "type": problem.kind.uri,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": request_id(),
        **problem.more,
    }
    if problem.errors:
        document["errors"] = {
            name: [{"code": one.code, "detail": one.detail} for one in found]
            for name, found in problem.errors.items()
        }
    response = HttpResponse(
        json.dumps(document), status=problem.kind.status, content_type=CONTENT_TYPE
    )
    response["Cache-Control"] = "no-store"
    for name, value in problem.headers.items():
        response[name] = value
    return response


def problem_for_status(status: int, detail: str = "") -> Problem:
    """A problem of the usual type for `status`, for errors that Django itself answers."""
    kind = _BY_STATUS.get(status, SERVER_ERROR if status >= 500 else BAD_REQUEST)
    return Problem(kind, detail or f"{kind.title}.")


def problem_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler. None leaves the rest to Django: logged, and answered with 500."""
    problem = _problem_of(error)
    if problem is None:
        return None
    return problem_response(context["request"], problem)


def _problem_of(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, Http404):
        return Problem(NOT_FOUND, "It does not exist, or it is not open to you.")
    if isinstance(error, PermissionDenied):
        return Problem(FORBIDDEN, "Your roles do not include this.")
    if isinstance(error, exceptions.APIException):
        return _problem_of_drf(error)
    if isinstance(error, ValidationError):
        return _problem_of_model(error)
    if isinstance(error, RequestDataTooBig):
        return Problem(TOO_LARGE, "The payload is larger than this server takes; send it in parts.")
    return translations.find(error)


def _problem_of_drf(error: exceptions.APIException) -> Problem:
    if isinstance(error, exceptions.ValidationError):
        return invalid(field_problems(error))
    kind = _BY_STATUS.get(error.status_code, BAD_REQUEST)
    if isinstance(error, exceptions.ParseError):
        kind = BAD_REQUEST
    headers: dict[str, str] = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(auth_header)
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Problem(kind, str(error.detail), headers=headers)


def field_problems(error: exceptions.ValidationError) -> dict[str, list[FieldProblem]]:
    """What a serializer found, by dotted field."""
    return dict(_flatten(error.get_full_details()))


def _problem_of_model(error: ValidationError) -> Problem:
    """What a model's own validation says, by field."""
    by_field = getattr(error, "error_dict", None) or {NON_FIELD_ERRORS: error.error_list}
    return invalid(
        {
            NOT_OF_ONE_FIELD if name == NON_FIELD_ERRORS else name: [
                FieldProblem(one.code or "invalid", " ".join(one.messages)) for one in found
            ]
            for name, found in by_field.items()
        }
    )


def invalid(errors: Mapping[str, list[FieldProblem]]) -> Problem:
    """400 with what is wrong, by field."""
    names = ", ".join(name for name in errors if name != NOT_OF_ONE_FIELD)
    detail = f"Nothing was changed. Look at: {names}." if names else "Nothing was changed."
    return Problem(INVALID, detail, errors=errors)


def _flatten(details: Any, path: str = "") -> Iterator[tuple[str, list[FieldProblem]]]:
    """DRF's nested details as `(dotted field, problems)`."""
    if isinstance(details, dict) and not {"message", "code"} <= details.keys():
        for name, inner in details.items():
            yield from _flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(details, dict):
        yield path or NOT_OF_ONE_FIELD, [_field_problem(details)]
    elif details and isinstance(details[0], dict) and "message" in details[0]:
        yield path or NOT_OF_ONE_FIELD, [_field_problem(one) for one in details]
    else:
        for index, inner in enumerate(details):
            yield from _flatten(inner, f"{path}.{index}" if path else str(index))


def _field_problem(details: Mapping[str, Any]) -> FieldProblem:
    return FieldProblem(str(details["code"]), str(details["message"]))
