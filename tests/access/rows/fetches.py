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
    """Connections that are fetched, by pages and by files. They have no credential, so nothing is
    asked anywhere."""
    world.add(provider=create_connection(slug="provider", source="openai", at=START))
    bucket = {"bucket": "bills", "prefix": "billing/cur", "region": "eu-central-1"}
    world.add(store=create_connection(slug="store", source="aws", config=bucket, at=START))


ROWS = [
    action("connection-probe", RUN_IMPORTS, values=FETCHED, unseen=UNSEEN),
    form_function("connection-fetch", RUN_IMPORTS, values=FETCHED, unseen=UNSEEN),
    action(
        "connection-probe",
        RUN_IMPORTS,
        values={"slug": "store.slug"},
        unseen=UNSEEN,
        label="of a store of files",
    ),
    form_function(
        "connection-fetch",
        RUN_IMPORTS,
        posted=302,  # there is nothing to fill in
        values={"slug": "store.slug"},
        unseen=UNSEEN,
        label="of a store of files",
    ),
    Row(
        "connection-fetch",
        {"GET": Door(RUN_IMPORTS, 302), "POST": Door(RUN_IMPORTS, 302)},
        values={"slug": "cloud.slug"},
        unseen=UNSEEN,
        label="of files only",
    ),
]
