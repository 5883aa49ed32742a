"""Tables that answer as of a moment, and links that stay at it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from billing.selectors.moments import moment_key
from portal.shell.columns import LinkTo, Record
from portal.shell.paging import Source
from portal.shell.tables import ShellTable


class PastTable(ShellTable):
    """A table as it is, or was at `at`."""

    def __init__(self, source: Source, *, at: dt.datetime | None = None, **kwargs: Any) -> None:
        self.at = at
        super().__init__(source, **kwargs)

    @property
    def moment(self) -> str:
        """`at` as addresses carry it; empty for now."""
        return moment_key(self.at) if self.at else ""


class LinkThen(LinkTo):
    """A link to a page that answers at the moment that the record has as `as_of`, if any."""

    def __call__(self, record: Record) -> str:
        found, moment = super().__call__(record), record.get("as_of", "")
        return f"{found}?{urlencode({'as_of': moment})}" if found and moment else found
