"""Metrics for assistants: the Model Context Protocol over one address, read only.

Streamable HTTP without a stream (https://modelcontextprotocol.io/specification/2025-06-18): one
JSON-RPC 2.0 message a POST, one answer. A tool asks the very view that a program would ask, in the
name of the same caller, so permissions, withheld groups and the 409 of what is not approved are
those of the API and cannot differ from them. There is no tool that changes anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, reverse
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from adoption.api.metric_explanations import ExplainValueView
from adoption.api.metric_values import MetricValuesView
from adoption.api.metrics import MetricsView
from adoption.policies import may_see_registry
from portal.api.errors import FieldProblem, invalid, problem_handler
from portal.api.schema import operation
from portal.api.views import ApiView, read_body

PROTOCOLS = ("2025-06-18", "2025-03-26")
_NO_METHOD = -32601
_WRONG_PARAMS = -32602
_TEXT = {"type": "string"}
_INSTRUCTIONS = (
    "Approved metrics of an AI adoption programme. A value is exact decimal text, or null with a "
    "reason and never 0 for that. Quote version, window, status and warnings beside each figure; "
    "do not add figures of different currencies, bases or windows, and do not compare people."
)


@dataclass(frozen=True, slots=True)
class Tool:
    """One question. `required` of its arguments go into the address, the rest into the query."""

    description: str
    view: type[ApiView]
    address: str
    required: Mapping[str, Mapping[str, str]]
    optional: Mapping[str, Mapping[str, str]]

    def told(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": {**self.required, **self.optional},
                "required": list(self.required),
                "additionalProperties": False,
            },
            "annotations": {"readOnlyHint": True, "openWorldHint": False},
        }


TOOLS: Mapping[str, Tool] = {
    "list_metrics": Tool(
        "Definitions of all metrics: key, formula, unit, and where each version is approved.",
        MetricsView, "api-metrics", {}, {},
    ),
    "get_metric_values": Tool(
        "Approved values of one metric. Refused with its status where it is not approved.",
        MetricValuesView, "api-metric-values", {"key": _TEXT},
        dict.fromkeys(("scope", "from", "to", "as_of", "version", "compare"), _TEXT),
    ),
    "explain_value": Tool(
        "What one value is made of: its frozen facts, calculated again, and its restatements.",
        ExplainValueView, "api-explain-value", {"value_id": {"type": "integer"}}, {},
    ),
}  # fmt: skip


class McpRequestSerializer(serializers.Serializer[Any]):
    """A message of JSON-RPC 2.0."""

    jsonrpc = serializers.ChoiceField(["2.0"])
    id = serializers.JSONField(
        required=False, help_text="Text or a number; left out of a notification."
    )
    method = serializers.CharField(
        max_length=100,
        help_text="`initialize`, `ping`, `tools/list`, `tools/call`, `notifications/…`.",
    )
    params = serializers.DictField(required=False)


class McpAnswerSerializer(serializers.Serializer[Any]):
    """The answer: `result`, or `error` with code and message."""

    jsonrpc = serializers.ChoiceField(["2.0"])
    id = serializers.JSONField(allow_null=True)
    result = serializers.DictField(required=False)
    error = serializers.DictField(required=False)


class _RpcError(Exception):
    """Answered as an error of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class McpView(ApiView):
    """One message, one answer."""

    scopes: ClassVar[dict[str, str]] = {"POST": "metrics:read"}

    @operation(
        "mcp_message",
        "Ask for metrics by the Model Context Protocol",
        tag="MCP",
        description="Streamable HTTP, read only: one JSON-RPC 2.0 message, answered at once. "
        "Notifications are answered 202. Tools ask the same endpoints with the same permissions.",
        answer=McpAnswerSerializer,
        body=McpRequestSerializer,
        without_body={202: "A notification: there is nothing to answer."},
    )
    def post(self, request: Request) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        _check_protocol(request)
        message = read_body(request, McpRequestSerializer).validated_data
        if "id" not in message:
            return Response(status=202)
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": _id_of(message)}
        try:
            answer["result"] = _result(request, message["method"], message.get("params") or {})
        except _RpcError as error:
            answer["error"] = {"code": error.code, "message": str(error)}
        return Response(answer)


def _check_protocol(request: Request) -> None:
    said = request.headers.get("MCP-Protocol-Version")
    if said is not None and said not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        problem = FieldProblem("unsupported", f"This server speaks {known}.")
        raise invalid({"MCP-Protocol-Version": [problem]})


def _id_of(message: Mapping[str, Any]) -> Any:
    found = message["id"]
    is_plain = isinstance(found, str | int) and not isinstance(found, bool)
    return found if is_plain else None


def _result(request: Request, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    methods: dict[str, Callable[[], dict[str, Any]]] = {
        "initialize": lambda: _initialize(params),
        "ping": dict,
        "tools/list": lambda: {"tools": [tool.told(name) for name, tool in TOOLS.items()]},
        "tools/call": lambda: _call(request, params),
    }
    if method not in methods:
        raise _RpcError(_NO_METHOD, f"There is no method {method[:100]!r}.")
    return methods[method]()


def _initialize(params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "plumbline", "version": "1"},
        "instructions": _INSTRUCTIONS,
    }


def _call(request: Request, params: Mapping[str, Any]) -> dict[str, Any]:
    name, arguments = params.get("name"), params.get("arguments") or {}
    tool = TOOLS.get(name) if isinstance(name, str) else None
    if tool is None:
        raise _RpcError(_WRONG_PARAMS, f"There is no such tool. There are {', '.join(TOOLS)}.")
    said = _checked(tool, arguments)
    document, is_error = _ask(request, tool, said)
    return {
        "content": [{"type": "text", "text": json.dumps(document, ensure_ascii=False)}],
        "structuredContent": document,
        "isError": is_error,
    }


def _checked(tool: Tool, arguments: Any) -> dict[str, Any]:
    known = {**tool.required, **tool.optional}
    if not isinstance(arguments, dict):
        raise _RpcError(_WRONG_PARAMS, "`arguments` is an object.")
    for name, said in arguments.items():
        kind = int if known.get(name, {}).get("type") == "integer" else str
        if name not in known or not isinstance(said, kind) or isinstance(said, bool):
            raise _RpcError(_WRONG_PARAMS, f"{name[:100]!r} is no argument, or not of its type.")
    if missing := [name for name in tool.required if name not in arguments]:
        raise _RpcError(_WRONG_PARAMS, f"Missing: {', '.join(missing)}.")
    if any(isinstance(said, int) and not 0 <= said < 2**63 for said in arguments.values()):
        raise _RpcError(_WRONG_PARAMS, "A number is not one that a value can have.")
    return dict(arguments)


def _ask(request: Request, tool: Tool, said: dict[str, Any]) -> tuple[Any, bool]:
    """What the view of the API answers this caller, and whether that is a problem."""
    path = {name: said.pop(name) for name in tool.required}
    inner = _inner_request(request, said)
    try:
        inner._request.path = inner._request.path_info = reverse(tool.address, kwargs=path)
    except NoReverseMatch:
        raise _RpcError(_WRONG_PARAMS, "No address is like that.") from None
    try:
        answer = tool.view().get(inner, **path)  # type: ignore[attr-defined]
    except Exception as error:
        problem = problem_handler(error, {"request": inner._request})
        if problem is None:
            raise
        return json.loads(problem.content), True
    return json.loads(JSONRenderer().render(answer.data)), False


def _inner_request(request: Request, query: Mapping[str, str]) -> Request:
    """A GET by the same caller with this query."""
    asked = QueryDict(mutable=True)
    asked.update(query)
    inner = HttpRequest()
    inner.method = "GET"
    unwanted = ("CONTENT_", "HTTP_IF_", "QUERY_STRING", "HTTP_ACCEPT")
    inner.META = {
        name: value for name, value in request.META.items() if not name.startswith(unwanted)
    }
    inner.META["QUERY_STRING"] = asked.urlencode()
    inner.GET = asked  # type: ignore[assignment]  # the stub wants the one that cannot change
    found = Request(inner)
    found.user, found.auth = request.user, request.auth
    found.accepted_renderer = JSONRenderer()
    return found
