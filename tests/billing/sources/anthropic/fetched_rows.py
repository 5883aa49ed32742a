"""Rows of fetched answers with every dimension that is documented, null where it was not asked
for."""

from __future__ import annotations

from typing import Any

from portal.imports.fetching import spool_line
from tests.billing.sources.anthropic.saved import beta, cost, day_of, usage
from tests.billing.sources.fake_provider import json_text

_NOT_ASKED_FOR = (
    *("actor", "actor_type", "agent_id", "claude_tag_category", "claude_tag_user_id"),
    *("context_window", "deployment_id", "environment_id", "inference_geo", "rbac_group_id"),
    *("service_tier", "session_id", "slack_channel_id", "speed", "user_profile_id"),
)
_NULLS: dict[str, Any] = dict.fromkeys(_NOT_ASKED_FOR)
_ENTERPRISE = {"product": "chat", "model": "model-1"} | dict.fromkeys(
    (
        *("context_window", "inference_geo", "speed", "rbac_group_id", "claude_tag_category"),
        *("claude_tag_user_id", "slack_channel_id"),
    )
)


def _flat(kind: str, numbers: dict[str, Any], **group: Any) -> dict[str, Any]:
    row = beta(kind, numbers, api_key_id="apikey_01", product="claude_code", **_NULLS, **group)
    return {"data": [row], "has_more": False}


def fetched_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    """By report: which connection reads it, and an answer."""
    counts = {"uncached_input_tokens": 5, "output_tokens": 9, "requests": 4, "total_tokens": 14}
    return {
        "cost_report": ("admin", day_of(cost(workspace_id=None), cost())),
        "usage_report/messages": (
            "admin",
            day_of(
                usage(account_id=None, service_account_id=None, context_window=None, speed=None)
            ),
        ),
        "analytics/cost_report": (
            "enterprise",
            day_of(
                _ENTERPRISE
                | {"currency": "USD", "amount": "5", "list_amount": "6", "requests": None}
                | {"cost_type": "tokens", "token_type": "output_tokens"}
            ),
        ),
        "analytics/usage_report": ("enterprise", day_of(_ENTERPRISE | counts)),
        "analytics/cost": (
            "analytics",
            _flat(
                "cost",
                {"amount": "250.5", "list_amount": "300", "currency": "USD", "requests": None},
                model="model-1",
                cost_type="tokens",
                token_type="output_tokens",  # noqa: S106  (a kind of token)
            ),
        ),
        "analytics/usage": ("analytics", _flat("usage", counts, model="model-1")),
    }


def spooled_page(report: str, body: dict[str, Any]) -> bytes:
    """The answer as the engine lands it."""
    return spool_line(report, json_text(body))
