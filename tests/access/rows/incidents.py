"""What programs send about incidents, and what services show of them."""

from __future__ import annotations

from tests.access.matrix import EVERYBODY, Column, Door, api, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW

SEND = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)

ROWS = [
    api("api-incidents", post=Door(SEND, 400)),
    page("service-dora", EVERYBODY, values={"pk": "service.pk"}),
]
READERS = [
    Reader(
        "adoption.selectors.dora:dora_windows",
        EVERYBODY,
        arguments={"service": "@service", "as_of": NOW},
    ),
]
