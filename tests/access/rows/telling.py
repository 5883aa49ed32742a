"""Notices and webhooks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from portal.models import Notice, User, WebhookDelivery
from portal.services.notices import notify
from portal.services.webhooks import create_subscription, send_test
from tests.access.matrix import (
    EVERYBODY,
    Column,
    Door,
    Row,
    action,
    form_function,
    listing,
    only,
    page,
)
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW

SEE = only(Column.ADMINISTRATOR, Column.AUDITOR)
CONFIGURE = only(Column.ADMINISTRATOR)
HOOK = {"pk": "webhook.pk"}
EVENT = {"pk": "webhook_event.pk"}
UNSEEN = EVERYBODY - SEE
# The lead is asked to review what an owner logged for a use case of their own.
TOLD = only(Column.OWNER, Column.OTHER_OWNER, Column.PROGRAMME_LEAD)

ROWS = [
    listing("notice-list", EVERYBODY, inside=200),
    action("notices-read", EVERYBODY),
    listing("webhook-list", SEE),
    form_function("webhook-new", CONFIGURE),
    page("webhook", SEE, values=HOOK, unseen=UNSEEN),
    form_function("webhook-edit", CONFIGURE, values=HOOK),
    form_function("webhook-end", CONFIGURE, values=HOOK),
    action("webhook-test", CONFIGURE, values=HOOK),
    page("webhook-delivery", SEE, values=EVENT, unseen=UNSEEN),
    # Nothing is sent, and a replay needs a reason: the page comes back with 400.
    Row("webhook-replay", {"POST": Door(CONFIGURE, 400)}, values=EVENT),
]


def _is_theirs(notice: Notice, person: User) -> bool:
    return notice.user_id == person.pk


READERS = [
    Reader("portal.selectors.notices:own_notices", TOLD, may_find=_is_theirs),
    Reader("portal.selectors.notices:unread_notices", TOLD, may_find=_is_theirs),
    Reader("portal.selectors.webhooks:subscriptions_visible_to", SEE),
    Reader("portal.selectors.webhooks:deliveries_visible_to", SEE),
]
PANELS = [Panel("portal.notices", TOLD)]


def prepare(world: Any) -> None:
    """Two people who were told something, and a webhook with an event."""
    owners = [world.people[Column.OWNER], world.people[Column.OTHER_OWNER]]
    notify(users=owners, key="test:told", title="Told", text="Once.", link="/", at=NOW)
    row, _ = create_subscription(
        name="Gateway", url="https://gateway.example/hook", events=["webhook.test"],
        actor=world.maker, at=NOW - dt.timedelta(days=1),
    )  # fmt: skip
    told: WebhookDelivery = send_test(pk=row.pk, actor=world.maker, at=NOW)
    world.add(webhook=row, webhook_event=told)
