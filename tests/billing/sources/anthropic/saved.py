"""Answers as a person saves them, row by row, and what the source makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from billing.sources.anthropic.source import AnthropicSource
from tests.billing.sources.reading import Read, land


def read(folder: Path, *bodies: Any, report: str = "admin", **more: Any) -> Read:
    """What a connection to this report makes of answers, each a file of its own."""
    return Read(AnthropicSource(), land(folder, *bodies), {"report": report}, **more)


def day_of(*rows: dict[str, Any], day: int = 1, **page: Any) -> dict[str, Any]:
    """A page of one daily bucket."""
    bucket = {
        "starting_at": f"2026-09-{day:02}T00:00:00Z",
        "ending_at": f"2026-09-{day + 1:02}T00:00:00Z",
        "results": list(rows),
    }
    return {"data": [bucket], "has_more": False, "next_page": None, **page}


def cost(**changes: Any) -> dict[str, Any]:
    """A row of `cost_report`, broken out by workspace and description."""
    return {
        "currency": "USD",
        "amount": "482.1375",
        "workspace_id": "wrkspc_01",
        "cost_type": "tokens",
        "description": "Model 1 Usage - Output Tokens",
        "model": "model-1",
        "service_tier": "standard",
        "token_type": "output_tokens",
        "context_window": "0-200k",
        "inference_geo": "global",
        **changes,
    }


def usage(**changes: Any) -> dict[str, Any]:
    """A row of `usage_report/messages`."""
    return {
        "workspace_id": "wrkspc_01",
        "api_key_id": None,
        "model": "model-1",
        "service_tier": "priority",
        "uncached_input_tokens": 120400,
        "cache_read_input_tokens": 903112,
        "output_tokens": 33011,
        "cache_creation": {"ephemeral_5m_input_tokens": 20110, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 2},
        **changes,
    }


def beta(kind: str, numbers: dict[str, Any], **group: Any) -> dict[str, Any]:
    """A flat row of the beta."""
    return {
        "starting_at": "2026-09-01T00:00:00Z",
        "ending_at": "2026-09-02T00:00:00Z",
        "group": {"workspace_id": None, "api_key_id": None, "product": None, **group},
        kind: numbers,
    }


def claude_code(**changes: Any) -> dict[str, Any]:
    """A row of Claude Code analytics."""
    return {
        "date": "2026-09-01T00:00:00Z",
        "actor": {"type": "api_actor", "api_key_name": "ci-refactor-bot"},
        "organization_id": "org-uuid",
        "customer_type": "api",
        "terminal_type": "non-interactive",
        "core_metrics": {"num_sessions": 3},
        "model_breakdown": [
            {
                "model": "model-1",
                "tokens": {"input": 81, "output": 22, "cache_read": 640, "cache_creation": 31},
                "estimated_cost": {"currency": "USD", "amount": 97},
            }
        ],
        **changes,
    }
