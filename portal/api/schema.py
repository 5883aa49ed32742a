"""How endpoints are described: `operation` documents one, problems included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from portal.api.errors import (
    CONFLICT,
    CONTENT_TYPE,
    FORBIDDEN,
    INVALID,
    KEY_REUSED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    NOT_SIGNED_IN,
    SERVER_ERROR,
    STALE_VERSION,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
    VERSION_REQUIRED,
    ProblemType,
)
from portal.api.pagination import DEFAULT_LIMIT, MAX_LIMIT

CallableT = TypeVar("CallableT", bound=Callable[..., Any])
EVERYWHERE = (NOT_SIGNED_IN, FORBIDDEN, NOT_ACCEPTABLE, TOO_MANY_REQUESTS, SERVER_ERROR)


class FieldProblemSerializer(serializers.Serializer[Any]):
    """What is wrong with one field."""

    code = serializers.CharField(help_text="A stable code.")
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem (RFC 9457)."""

    type = serializers.CharField(help_text="What kind it is, for ever: `urn:plumbline:problem:…`.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened this time, and what to do.")
    instance = serializers.CharField(help_text="The address asked for.")
    request_id = serializers.CharField(help_text="Give this to an operator: the log has it.")
    metric_status = serializers.CharField(
        required=False, help_text="Of `not-approved`: where the metric stands."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Not declared above: a serializer has an attribute `errors` of its own.
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = super().get_fields()
        fields["errors"] = serializers.DictField(
            child=FieldProblemSerializer(many=True),
            required=False,
            help_text="By field, in dotted form; what belongs to none is in `non_field_errors`.",
        )
        return fields


@cache  # one component a name: two lists of the same item share their schema
def page_of(item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The schema of one page of `item`."""
    name = item.__name__.removesuffix("Serializer")
    return inline_serializer(
        f"{name}Page",
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": item(many=True),
        },
    )


_PAGE_PARAMETERS = (
    OpenApiParameter("cursor", str, description="From the links of a page. Opaque."),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="Rows on a page.",
    ),
)
_ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    response=[200, 201, 304],
    description="Names this answer; send it back as If-None-Match or If-Match.",
)
_RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    {"type": "integer", "minimum": 1},
    OpenApiParameter.HEADER,
    response=[429],
    description="Seconds until it is possible again.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="An ETag that you have; 304 when it still holds.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of what you read: the change is refused when it is out of date.",
)
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Any text of your own that names this request; a retry with it within 24 hours is "
    "answered again and not done again.",
)


def operation(
    name: str,
    summary: str,
    *,
    tag: str,
    description: str = "",
    answer: Any,
    status: int = 200,
    body: type[serializers.Serializer[Any]] | None = None,
    query: type[serializers.Serializer[Any]] | None = None,
    parameters: Sequence[OpenApiParameter] = (),
    paged: bool = False,
    governed: bool = False,
    found_by_path: bool = False,
    keyed: bool = False,
    problems: Sequence[ProblemType] = (),
    files: Sequence[str] = (),
    without_body: Mapping[int, str] | None = None,
) -> Callable[[CallableT], CallableT]:
    """Describe one method of a view. Header and problem responses follow from what it is.

    Args:
        name: operation id, `use_cases_list`.
        answer: serializer of the response.
        body: serializer of the payload, for writes.
        query: serializer of the query parameters.
        paged: a list with cursor and limit.
        governed: a change that needs `If-Match`.
        keyed: a governed change that takes an `Idempotency-Key` as well.
        found_by_path: names one thing in its path, which may not be there.
        problems: beyond those that follow from the rest.
        files: media types in which the same is answered as a file.
        without_body: further statuses, of answers without a body → what each means.
    """
    is_write = body is not None
    known: list[Any] = [query] if query is not None and query().fields else []
    known += [*parameters, _ETAG, _RETRY_AFTER]
    known += _PAGE_PARAMETERS if paged else ()
    known.append(_header(is_write=is_write, governed=governed))
    if governed and keyed:
        known.append(_IDEMPOTENCY_KEY)
        problems = [*problems, KEY_REUSED]
    responses: dict[Any, Any] = {(status, "application/json"): answer}
    responses |= {(status, media): OpenApiTypes.BINARY for media in files}
    if not is_write:
        responses[304] = OpenApiResponse(description="What you have still holds.")
    for code, meaning in (without_body or {}).items():
        responses[code] = OpenApiResponse(description=meaning)
    general = _problems(is_write, governed, paged or query is not None, found_by_path)
    for problem in (*general, *problems):
        _add_problem(responses, problem)
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description or summary,
        tags=[tag],
        request={"application/json": body} if body is not None else None,
        responses=responses,
        parameters=known,
    )


def _header(*, is_write: bool, governed: bool) -> OpenApiParameter:
    """The request header that every operation of this kind takes."""
    if not is_write:
        return _IF_NONE_MATCH
    return _IF_MATCH if governed else _IDEMPOTENCY_KEY


def _problems(
    is_write: bool, governed: bool, has_query: bool, found_by_path: bool
) -> list[ProblemType]:
    found = list(EVERYWHERE)
    if is_write or has_query:
        found.append(INVALID)
    if found_by_path:
        found.append(NOT_FOUND)
    if is_write:
        found += [TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, CONFLICT]
        found += [STALE_VERSION, VERSION_REQUIRED] if governed else [KEY_REUSED]
    return found


def _add_problem(responses: dict[Any, Any], problem: ProblemType) -> None:
    responses[(problem.status, CONTENT_TYPE)] = OpenApiResponse(
        ProblemSerializer, description=problem.title
    )


def path_slug(name: str, description: str) -> OpenApiParameter:
    """A slug in the path."""
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


def path_id(name: str, description: str) -> OpenApiParameter:
    """A number in the path."""
    return OpenApiParameter(name, OpenApiTypes.INT, OpenApiParameter.PATH, description=description)
