"""Sessions as their files hold them; what was said in them is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing.sources.lines import BadValueError, canonical, exact, instant
from billing.sources.pages import Page

TOKENS = {
    "input": "tokens.input.uncached",
    "output": "tokens.output",
    "cacheRead": "tokens.input.cache_read",
    "cacheWrite": "tokens.input.cache_write",
}
_SESSION_FILE = re.compile(r"([0-9a-fA-F-]{8,64})\.jsonl")
_MOST = 10**12
_KEPT = ("type", "id", "timestamp", "sessionId")
_KEPT_OF_CHANGE = ("provider", "modelId")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a model.

    Attributes:
        at: when it was given; the last time that a line before it states, if not `is_timed`.
        cost: in USD; None when the file does not state one.
    """

    page: Page
    session: str
    directory: str
    entry: str
    at: datetime
    is_timed: bool
    provider: str
    model: str
    tokens: Mapping[str, Decimal]
    cost: Decimal | None

    @property
    def facts(self) -> str:
        """All that must agree when the same answer comes again."""
        return canonical(
            {
                # A piece of a file may lack the line that the time was taken from.
                "at": self.at.isoformat() if self.is_timed else "",
                "provider": self.provider,
                "model": self.model,
                "tokens": self.tokens,
                "cost": self.cost,
            }
        )


def session_name(session: str) -> str:
    """What is kept of a session's id: enough to tell sessions apart, nothing to look up."""
    return sha256(session.encode()).hexdigest()[:16]


def without_content(entry: Any) -> dict[str, Any]:
    """An entry without what was said, for the quarantine."""
    if not isinstance(entry, Mapping):
        return {}
    kept = {name: entry[name] for name in _KEPT if name in entry}
    if entry.get("type") == "model_change":
        kept |= {name: entry[name] for name in _KEPT_OF_CHANGE if name in entry}
    message = entry.get("message")
    if isinstance(message, Mapping):
        names = ("role", "provider", "model", "usage", "timestamp")
        kept["message"] = {name: message[name] for name in names if name in message}
    return kept


class SessionFile:
    """Follows one file from its header to its end."""

    def __init__(self, name: str) -> None:
        match = _SESSION_FILE.search(name)
        self._session = match[1] if match else ""
        self._directory = ""
        self._last: datetime | None = None  # the last time that a line of the session states
        self._changed = ("", "")  # provider and model that the session changed to last

    def answers(self, page: Page, entry: Mapping[str, Any]) -> Iterator[Answer]:
        """The answer of a model in this entry, when it is one that used tokens.

        Raises:
            BadValueError: a number, a time or the session is missing or cannot be read.
        """
        if entry.get("type") == "session":
            self._begin(entry)
        elif entry.get("type") == "model_change":
            self._changed = _text(entry, "provider"), _text(entry, "modelId")
        message = entry.get("message")
        if entry.get("type") != "message" or not isinstance(message, Mapping):
            self._remember(entry)
            return
        usage = message.get("usage")
        if message.get("role") != "assistant" or not isinstance(usage, Mapping):
            self._remember(entry, message)
            return
        if not self._session:
            raise BadValueError(
                "id", "", "no_session", "a line of type session before the first message"
            )
        stated = _stated(entry, message)
        self._last = stated or self._last
        if self._last is None:
            raise BadValueError("timestamp", "", "missing_value", "when it was answered")
        provider, model = self._answering(message)
        yield Answer(
            page=page,
            session=self._session,
            directory=self._directory.rstrip("/").rsplit("/", 1)[-1],
            entry=str(entry.get("id") or ""),
            at=self._last,
            is_timed=stated is not None,
            provider=provider or "unknown",
            model=model,
            tokens=dict(_tokens(usage)),
            cost=_cost(usage),
        )

    def _begin(self, header: Mapping[str, Any]) -> None:
        """A session begins: nothing is known of it but what its header says."""
        self._session = str(header.get("id") or self._session)
        self._directory = str(header.get("cwd") or "")
        self._last, self._changed = None, ("", "")

    def _remember(self, *lines: Mapping[str, Any]) -> None:
        """The time of a line that is not counted. Whether it can be read does not matter there."""
        with suppress(BadValueError):
            self._last = _stated(*lines) or self._last

    def _answering(self, message: Mapping[str, Any]) -> tuple[str, str]:
        """Provider and model of a message; of one that names no model, those changed to before,
        unless it names another provider."""
        provider, model = str(message.get("provider") or ""), str(message.get("model") or "")
        if not model and provider in ("", self._changed[0]):
            return self._changed[0] or provider, self._changed[1]
        return provider, model


def _stated(*lines: Mapping[str, Any]) -> datetime | None:
    """The first time that one of these states.

    Raises:
        BadValueError: it cannot be read.
    """
    value = next((line["timestamp"] for line in lines if line.get("timestamp") is not None), None)
    if isinstance(value, int) and not isinstance(value, bool) and value > 10**11:
        try:  # milliseconds, as JavaScript counts
            return instant(value // 1000, "timestamp")
        except BadValueError as error:
            raise BadValueError("timestamp", value, error.code, error.expected) from error
    return None if value is None else instant(value, "timestamp")


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _tokens(usage: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    for name, metric in TOKENS.items():
        if usage.get(name) is None:
            continue
        number = exact(usage[name], f"usage.{name}", fatal=False)
        if not 0 <= number <= _MOST or number != int(number):
            raise BadValueError(
                f"usage.{name}", usage[name], "bad_quantity", "a whole number of tokens"
            )
        yield metric, number


def _cost(usage: Mapping[str, Any]) -> Decimal | None:
    cost = usage.get("cost")
    if not isinstance(cost, Mapping) or cost.get("total") is None:
        return None
    amount = exact(cost["total"], "usage.cost.total")
    if amount < 0:
        raise BadValueError(
            "usage.cost.total", cost["total"], "bad_amount", "0 or more", fatal=True
        )
    return amount
