"""Hooks, services, and what programs send about changes and deployments."""

from __future__ import annotations

from typing import Any

from adoption.models import Deployment, HookSecret, Service
from adoption.services.hook_secrets import make_hook_secret
from adoption.services.hooks import process_next, store_hook
from portal.services.connections import create_connection
from tests.access.matrix import EVERYBODY, Column, Door, Row, api, form, listing, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW

SEE = only(Column.PROGRAMME_LEAD, Column.AUDITOR, Column.ADMINISTRATOR)
REPLAY = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)
KEEP = only(Column.ADMINISTRATOR)
UNSEEN = EVERYBODY - SEE
WHY = "A payload names people, so who may not see hooks is not told which there are."
HOOK = {"pk": "hook.pk"}
PLACE = {"slug": "=hooked"}
SECRET = {"slug": "=hooked", "pk": "hook_secret.pk"}
PROVEN = "The sender is proven by its signature over the body; sessions and tokens open nothing."


def _form(route: str, to: Any, values: dict[str, str], *, posted: int = 200) -> Row:
    """For who may not fill it in, a form is not there."""
    return form(
        route,
        to,
        refused=404,
        posted=posted,
        values=values,
        unseen=EVERYBODY - to,
        inside=404,
        why=WHY,
    )


ROWS = [
    listing("hook-list", SEE),
    page("hook", SEE, refused=404, values=HOOK, unseen=UNSEEN, inside=404, why=WHY),
    _form("hook-replay", REPLAY, HOOK),
    page("hook-connection", SEE, refused=404, values=PLACE, unseen=UNSEEN, inside=404, why=WHY),
    _form("hook-secret-new", KEEP, PLACE, posted=200),
    _form("hook-secret-withdraw", KEEP, SECRET, posted=302),
    listing("service-list", EVERYBODY),
    listing("service", EVERYBODY, values={"pk": "service.pk"}),
    api("api-changes", post=Door(REPLAY, 400)),
    api("api-deployments", post=Door(REPLAY, 400)),
    Row(
        "api-hooks",
        {"POST": Door(only(), refused=401)},
        values={"provider": "=github", "connection": "=hooked"},
        stranger=None,
        inside=0,
        why=PROVEN,
    ),
]

_HOOKS = "adoption.selectors.hooks"
_DEPLOYMENTS = "adoption.selectors.deployments"
READERS = [
    Reader(f"{_HOOKS}:hooks_visible_to", SEE),
    Reader(f"{_HOOKS}:hook_connections", SEE),
    Reader(f"{_HOOKS}:hook_names", SEE),
    Reader(f"{_HOOKS}:hook_connection_rows", SEE),
    Reader(f"{_HOOKS}:secrets_of", SEE, arguments={"connection": "@hooked"}),
    Reader(f"{_DEPLOYMENTS}:services_visible_to", EVERYBODY),
    Reader(f"{_DEPLOYMENTS}:deployments_visible_to", EVERYBODY),
]


def prepare(world: Any) -> None:
    """A connection with a secret, a processed hook, and a service with a deployment."""
    connection = create_connection(slug="hooked", source="github", at=NOW)
    make_hook_secret(connection=connection, actor=None, at=NOW)
    kept = store_hook(
        connection=connection,
        provider="github",
        delivery_id="first",
        event="ping",
        headers={"x-github-event": "ping"},
        body=b'{"zen": "Keep it simple."}',
        at=NOW,
    )
    process_next(connection=connection, at=NOW)
    service = Service.objects.create(key="app-service", name="App", repository=world.repository)
    Deployment.objects.create(
        connection=connection,
        service=service,
        external_id="deployment:1",
        environment="prod",
        tier="production",
        status="succeeded",
        sha="1" * 40,
        finished_at=NOW,
        content="00000000-0000-0000-0000-000000000001",
    )
    world.add(
        hooked=connection,
        hook=connection.stored_hooks.get(pk=kept.hook_id),
        hook_secret=HookSecret.objects.get(connection=connection),
        service=service,
    )
