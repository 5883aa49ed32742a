"""One URL serves a page and its fragment; what is stored on the way must know which it holds."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers

# The headers that `is_fragment` decides on.
VARY_HEADERS = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def is_fragment(request: HttpRequest) -> bool:
    """Whether only a part of the page is wanted.

    A boosted link and a history restore come from htmx too, but want the whole page.
    """
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def _is_html(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def _asks_for_sign_in(response: HttpResponseBase) -> bool:
    if not isinstance(response, HttpResponseRedirect):
        return False
    return urlsplit(response.url).path == resolve_url(settings.LOGIN_URL)


def _send_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Make htmx leave the page: a sign-in form inside a table would be of no use."""
    query = QueryDict(mutable=True)
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    query["next"] = f"{page.path or '/'}?{page.query}" if page.query else page.path or "/"
    answer = HttpResponse(status=204)
    answer.headers["HX-Redirect"] = f"{resolve_url(settings.LOGIN_URL)}?{query.urlencode(safe='/')}"
    return answer


class VaryOnHtmxMiddleware:
    """Marks HTML as different for htmx, and keeps pages of a signed-in person out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if is_fragment(request) and _asks_for_sign_in(response):
            response = _send_to_sign_in(request)
        if _is_html(response) or response.status_code in {204, 304}:
            patch_vary_headers(response, VARY_HEADERS)
            if not response.has_header("Cache-Control"):
                # Stored, but asked for again each time: a signed-out browser shows nothing old.
                patch_cache_control(response, private=True, no_cache=True)
        return response


class FragmentTemplateMixin:
    """For a class-based view with two templates: the page, and the part that htmx swaps."""

    template_name: str
    fragment_template_name: str
    request: HttpRequest

    def get_template_names(self) -> list[str]:
        """The fragment for htmx, else the page."""
        return [self.fragment_template_name if is_fragment(self.request) else self.template_name]
