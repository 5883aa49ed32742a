"""Error pages in the house look; none of them needs the database, a user or a session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import get_template

from portal.api.errors import problem_for_status, problem_response
from portal.limits import TooManyRequestsError
from portal.shell.refusals import UnreadableRequestError
from portal.shell.theme import theme_of
from portal.uploads import TooManyUploadsError, UploadTooLargeError

logger = logging.getLogger(__name__)
API_PREFIX = "/api/"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    status: int
    title: str
    text: str


BAD_REQUEST = ErrorPage(
    400,
    "This request cannot be read",
    "Something in the address or the form is not as it should be. Go back and try again.",
)
FORBIDDEN = ErrorPage(
    403,
    "This is not open to you",
    "Your roles do not include this page or action. A programme lead can say who to ask.",
)
CSRF_FAILED = ErrorPage(
    403,
    "The form has expired",
    "Nothing was changed. Go back, reload the page and send the form again; cookies must be on.",
)
NOT_FOUND = ErrorPage(
    404,
    "There is no such page",
    "The address is wrong, the thing was removed, or it is not open to you.",
)
TOO_LARGE = ErrorPage(413, "This is too much at once", "Send less, or in several parts.")
TOO_MANY = ErrorPage(429, "This was too often", "Wait a little, then try again.")
SERVER_ERROR = ErrorPage(
    500,
    "Something went wrong on our side",
    "It has been logged. What you sent may not have been saved: check before you send it again.",
)


def _reference() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def render_error(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    """The page, or for an address of the API the same as problem+json."""
    reference = _reference() if page.status >= 500 else ""
    if request.path.startswith(API_PREFIX):
        return problem_response(request, problem_for_status(page.status, page.text))
    # Rendered without the request: context processors would ask for the user and the messages.
    html = get_template("portal/errors/error.html").render(
        {
            "status": page.status,
            "title": page.title,
            "text": page.text,
            "reference": reference,
            "home_url": "/",
            "theme": theme_of(request),
        }
    )
    return HttpResponse(html, status=page.status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, or what the exception really is: too large (413) or too often (429)."""
    if isinstance(exception, TooManyUploadsError):
        return too_many_requests(request, exception.error)
    if isinstance(exception, UploadTooLargeError):
        return render_error(request, replace(TOO_LARGE, text=f"{exception} Nothing was kept."))
    if isinstance(exception, RequestDataTooBig):
        return render_error(request, TOO_LARGE)
    if isinstance(exception, TooManyFilesSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        text = f"An upload may have at most {most} files. Nothing was kept."
        return render_error(request, replace(TOO_LARGE, text=text))
    if isinstance(exception, UnreadableRequestError):
        return render_error(request, replace(BAD_REQUEST, text=str(exception)))
    return render_error(request, BAD_REQUEST)


def too_many_requests(request: HttpRequest, error: TooManyRequestsError) -> HttpResponse:
    """429 with Retry-After."""
    text = f"The limit is {error.rate}. It is open again in {error.wait} seconds."
    response = render_error(request, replace(TOO_MANY, text=text))
    response.headers["Retry-After"] = str(error.wait)
    return response


class TooManyRequestsMiddleware:
    """Answers a `TooManyRequestsError` of any page with the page for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django asks this for what a view raised."""
        if isinstance(error, TooManyRequestsError):
            return too_many_requests(request, error)
        return None


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return render_error(request, FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return render_error(request, NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. Falls back to plain text when even the template cannot be rendered."""
    try:
        return render_error(request, SERVER_ERROR)
    except Exception:
        logger.exception("the error page itself failed")
        return HttpResponse(
            f"{SERVER_ERROR.title}. {SERVER_ERROR.text}",
            status=500,
            content_type="text/plain; charset=utf-8",
        )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of the CSRF middleware: says what to do, and logs why."""
    logger.warning("csrf failure: %s", reason)
    return render_error(request, CSRF_FAILED)
