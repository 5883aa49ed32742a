"""What programs send about incidents, and what services show of them."""

from __future__ import annotations

from tests.access.matrix import Column, Door, api, only

SEND = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)

ROWS = [
    api("api-incidents", post=Door(SEND, 400)),
]
