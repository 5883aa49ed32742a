"""What every endpoint stands on: problems, conditional answers, lists over plain rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from portal.api.errors import (
    NOT_FOUND,
    FieldProblem,
    Problem,
    field_problems,
    invalid,
    request_id,
)
from portal.api.etags import content_tag, matches, state_tag
from portal.api.pagination import page_links, read_limit, read_page
from portal.api.throttling import count_refused
from portal.models import User

SerializerT = TypeVar("SerializerT", bound=Serializer[Any])
PAGE_PARAMETERS = frozenset({"cursor", "limit"})


class ApiView(APIView):
    """An endpoint. Answers belong to one person and are asked for again before they are reused.

    `scopes` names the scope that a token needs for each method; without one a token is refused.
    """

    scopes: ClassVar[dict[str, str]] = {}
    # OPTIONS would be one more undocumented surface.
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        try:
            super().initial(request, *args, **kwargs)
        except (Problem, NotAuthenticated, AuthenticationFailed) as error:
            if not isinstance(error, Problem) or error.kind.status == 401:
                count_refused(request)
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "private, no-cache")
        response.setdefault("X-Request-ID", request_id())
        return response


class NoFilters(Serializer[Any]):
    """The query of a list without filters."""


class UnknownAddressView(ApiView):
    """Whatever lies below /api/ and is not there: a problem, never a page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Problem(
            NOT_FOUND,
            "The API has no such address. Addresses end in a slash; /api/v1/schema/ lists them.",
        )


def signed_in(request: Request) -> User:
    """The person who calls.

    Raises:
        NotAuthenticated: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def absolute(request: Request, path: str) -> str:
    """A page's path as an address that means something elsewhere; empty stays empty."""
    return request.build_absolute_uri(path) if path else ""


def address(request: Request, name: str, *parts: Any) -> str:
    """The absolute address of something in the API."""
    return request.build_absolute_uri(reverse(name, args=parts))


def not_modified(tag: str) -> Response:
    """304: what the caller has is what there is."""
    return Response(status=304, headers={"ETag": tag})


def conditional(request: Request, tag: str, build: Callable[[], Any]) -> Response:
    """304 when the caller has `tag` already, else `build()` with it."""
    if matches(request, tag):
        return not_modified(tag)
    return Response(build(), headers={"ETag": tag})


def list_response(
    request: Request,
    queryset: QuerySet[Any, Any],
    present: Callable[[list[Any]], list[dict[str, Any]]],
    *,
    ordering: Sequence[str],
    state: Callable[[], Any] | None = None,
) -> Response:
    """A page of `queryset` as `{"next", "previous", "results"}`.

    Args:
        queryset: best over `values()`: making model objects is half the time of a list.
        present: rows as read → rows as answered.
        ordering: field names, the last one unique.
        state: what the whole list depends on, in one cheap query; without it the tag is a digest
            of the page itself.
    """
    limit = read_limit(request.query_params.get("limit"))
    tag = ""
    if state is not None:
        tag = state_tag(request, state())
        if matches(request, tag):
            return not_modified(tag)
    page = read_page(
        queryset, ordering=ordering, cursor=request.query_params.get("cursor"), limit=limit
    )
    answer = {**page_links(request, page), "results": present(page.rows)}
    return conditional(request, tag or content_tag(request, answer), lambda: answer)


def whole_list_response(request: Request, results: list[dict[str, Any]]) -> Response:
    """A short list without further pages, in the shape of one."""
    answer = {"next": None, "previous": None, "results": results}
    return conditional(request, content_tag(request, answer), lambda: answer)


def read_query(request: Request, form: type[SerializerT], *, paged: bool = True) -> SerializerT:
    """The query parameters, checked by `form`.

    Raises:
        Problem: 400, naming each parameter that is unknown or cannot be read: a misspelt filter
            must not answer with everything.
    """
    # A plain dict: to DRF a QueryDict is a form, in which an absent checkbox means "no".
    known = form(data=request.query_params.dict())
    expected = set(known.fields) | (PAGE_PARAMETERS if paged else set())
    problems = {
        name: [FieldProblem("unknown_parameter", "There is no such parameter.")]
        for name in sorted(set(request.query_params) - expected)
    }
    for name, found in request.query_params.lists():
        if len(found) > 1:
            problems[name] = [FieldProblem("repeated", "Give this once.")]
    return _checked(known, problems)


def _checked(form: SerializerT, problems: dict[str, list[FieldProblem]]) -> SerializerT:
    """`form` when it is valid and there are no `problems` beside.

    Raises:
        Problem: 400 with everything that is wrong, so that one answer is enough to mend it.
    """
    if not form.is_valid():
        problems |= field_problems(ValidationError(form.errors))
    if problems:
        raise invalid(problems)
    return form


def read_body(request: Request, form: type[SerializerT], *, partial: bool = False) -> SerializerT:
    """The payload, checked by `form`.

    Raises:
        Problem: 400, naming each field that is unknown, not writable or cannot be read. What is
            left out silently would look as if it had been saved.
    """
    found = form(data=request.data, partial=partial)
    data = request.data
    if not isinstance(data, dict):
        raise invalid({"non_field_errors": [FieldProblem("invalid", "Send one JSON object.")]})
    writable = {name for name, field in found.fields.items() if not field.read_only}
    extra = sorted(set(map(str, data)) - writable)
    return _checked(
        found,
        {name: [FieldProblem("not_writable", "This cannot be written here.")] for name in extra},
    )
