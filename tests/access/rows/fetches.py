"""Asking a provider by hand: test a connection, fetch days."""

from __future__ import annotations

from typing import Any

from portal.services.connections import create_connection
from tests.access.matrix import EVERYBODY, Column, Door, Row, action, form_function, only
from tests.imports import START

RUN_IMPORTS = only(Column.PROGRAMME_LEAD, Column.FINANCE, Column.ADMINISTRATOR)
SEE_IMPORTS = RUN_IMPORTS | only(Column.APPROVER, Column.AUDITOR)
UNSEEN = EVERYBODY - SEE_IMPORTS  # connections are not even found for them
FETCHED = {"slug": "provider.slug"}


def prepare(world: Any) -> None:
    """A connection that is fetched. It has no credential, so nothing is asked anywhere."""
    world.add(provider=create_connection(slug="provider", source="openai", at=START))


ROWS = [
    action("connection-probe", RUN_IMPORTS, values=FETCHED, unseen=UNSEEN),
    form_function("connection-fetch", RUN_IMPORTS, values=FETCHED, unseen=UNSEEN),
    Row(
        "connection-fetch",
        {"GET": Door(RUN_IMPORTS, 302), "POST": Door(RUN_IMPORTS, 302)},
        values={"slug": "cloud.slug"},
        unseen=UNSEEN,
        label="of files only",
    ),
]
