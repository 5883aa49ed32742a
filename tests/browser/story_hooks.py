"""Hooks of the story: processed, ignored and refused ones, and what they deployed."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from adoption.models import GamingFinding, Service, StoredHook
from adoption.services.hook_secrets import make_hook_secret
from adoption.services.hooks import process_next, replay_hook, store_hook
from portal.models import Connection, User
from portal.services.connections import create_connection

LONG = "acme/" + "lieferantenselbstauskunft-" * 3 + "service"


def make_hooks(*, now: dt.datetime, viewer: User, **_: Any) -> dict[str, Any]:
    """A deployment with a long name, an event of no interest, a payload that says too little."""
    connection = create_connection(slug="github-hooks", source="github", at=now, actor=viewer)
    make_hook_secret(connection=connection, actor=viewer, at=now)
    place = {"full_name": LONG, "html_url": f"https://github.com/{LONG}"}
    deployment = {
        "id": 1, "sha": "3f" * 20, "ref": "main", "task": "deploy", "environment": "production-eu",
        "production_environment": True, "created_at": (now - dt.timedelta(days=2)).isoformat(),
    }  # fmt: skip
    status = {"state": "success", "created_at": (now - dt.timedelta(days=1)).isoformat()}
    body = {"deployment": deployment, "deployment_status": status, "repository": place}
    hooks = {
        "taken": _store(connection, now, "deployment_status", body),
        "ignored": _store(connection, now, "ping", {"zen": "Keep it simple."}),
        "refused": _store(connection, now, "pull_request", {"pull_request": {}}),
    }
    while process_next(connection=connection, at=now):
        pass
    replay_hook(hook=hooks["refused"], reason="The mapping was mended.", actor=viewer, at=now)
    process_next(connection=connection, at=now)
    service = Service.objects.get(key__contains=LONG)
    finding = GamingFinding.objects.create(
        telltale="small_changes",
        scope_kind="service",
        scope_id=service.pk,
        scope_name=service.name,
        window_starts_on=now.date() - dt.timedelta(days=28),
        window_ends_on=now.date(),
        said="Changes of at most 10 lines: 80 % of 40, 20 % of 90 before.",
        facts={"part_before": 18, "whole_before": 90, "part_now": 32, "whole_now": 40},
        found_at=now,
    )
    return {
        "finding": finding,
        "hooks": hooks,
        "hooked": connection,
        "hook_secret": connection.hook_secrets.get(),
        "service": service,
    }


def _store(connection: Connection, now: dt.datetime, event: str, body: Any) -> StoredHook:
    kept = store_hook(
        connection=connection,
        provider="github",
        delivery_id=f"delivery-{event}",
        event=event,
        headers={"x-github-event": event, "content-type": "application/json"},
        body=json.dumps(body).encode(),
        at=now,
    )
    return StoredHook.objects.get(pk=kept.hook_id)
