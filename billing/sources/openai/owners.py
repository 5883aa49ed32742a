"""Whose a key is: what of the lists of keys and users may be kept, and the owner of each key.

Owners are named on single cost lines, for rules about their team, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.sources.buckets import Row, rows_of

USER, KEY = "organization.user", "organization.project.api_key"
_OF_USER = ("object", "id", "email")
_OF_OWNER = ("object", "id", "email")
_OF_LISTS = {
    USER: _OF_USER,
    KEY: ("object", "id", "name", "owner"),
}


@dataclass
class Owners:
    """The owner of each key, as far as the lists say it.

    Attributes:
        with_owners: whether the connection wants them named.
    """

    with_owners: bool = False
    _keys: dict[str, Any] = field(default_factory=dict)
    _users: dict[str, str] = field(default_factory=dict)
    _unnamed: set[str] = field(default_factory=set)
    _unlisted: set[str] = field(default_factory=set)

    def take_keys(self, rows: Iterable[Row]) -> None:
        """Learn from a list of keys."""
        self._keys |= {row["id"]: row.get("owner") for row in rows if _is_text(row.get("id"))}

    def take_users(self, rows: Iterable[Row]) -> None:
        """Learn from the list of users."""
        self._users |= {
            row["id"]: row["email"]
            for row in rows
            if _is_text(row.get("id")) and _is_text(row.get("email"))
        }

    def of_key(self, key: str) -> str:
        """The owner's address, or the id where there is no address; nothing where nobody is known.

        An address that stands beside the key goes first, for a key may outlive its user's place in
        the list of users.
        """
        if not self.with_owners or not key:
            return ""
        if key not in self._keys:
            self._unlisted.add(key)
            return ""
        owner = self._keys[key]
        kind = owner.get("type") if isinstance(owner, Mapping) else None
        person = owner.get(kind) if isinstance(owner, Mapping) and _is_text(kind) else None
        found = _name_of(person, self._users) if isinstance(person, Mapping) else ""
        if not found or (kind == "user" and "@" not in found):
            self._unnamed.add(key)
        return found

    def notes(self) -> list[tuple[str, str]]:
        """Code and sentence of what a person should know: what the lists do not say."""
        said = []
        if self._unlisted:
            said.append(
                (
                    "keys_not_listed",
                    "keys that cost something and stand in no list, so that their lines name no "
                    f"owner: {len(self._unlisted)} (deleted, or the list was not whole)",
                )
            )
        if self._unnamed:
            said.append(
                (
                    "owners_not_listed",
                    "keys whose owner has no address in any list, so that their lines name an id "
                    f"or nobody: {len(self._unnamed)}",
                )
            )
        return said


def _name_of(person: Row, users: Mapping[str, str]) -> str:
    number, address = person.get("id"), person.get("email")
    if _is_text(address):
        return str(address)
    return users.get(str(number), str(number)) if _is_text(number) else ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


# --- what is kept of an answer ------------------------------------------------------------------


def redact(answer: Any) -> Any:
    """Of lists of users and keys only ids, addresses and the names of keys; other answers whole."""
    return _redacted(answer, with_owners=True)


def redact_owners(answer: Any) -> Any:
    """Likewise, without owners."""
    return _redacted(answer, with_owners=False)


def _redacted(answer: Any, *, with_owners: bool) -> Any:
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list) or not any(_kept(row) for row in data):
        return answer
    return {**answer, "data": [_row(row, with_owners) for row in rows_of(answer)]}


def _kept(row: Any) -> tuple[str, ...]:
    return _OF_LISTS.get(row.get("object", ""), ()) if isinstance(row, Mapping) else ()


def _row(row: Row, with_owners: bool) -> dict[str, Any]:
    kept = {key: row[key] for key in _kept(row) or row if key in row}
    owner = kept.pop("owner", None)
    if with_owners and isinstance(owner, Mapping):
        kept["owner"] = {
            key: _only(value, _OF_OWNER) if isinstance(value, Mapping) else value
            for key, value in owner.items()
            if key in ("type", "user", "service_account")
        }
    return kept


def _only(row: Row, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}


def varies(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What may be kept of answers, by whether owners are wanted."""
    return {"redact": redact if config.get("with_owners") else redact_owners}
