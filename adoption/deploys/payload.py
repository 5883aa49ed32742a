"""Reading a provider's JSON with care: each value by name and type, each fault with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from adoption.deploys.moments import read_moment

NO_COMMIT = re.compile(r"0{40}|0{64}")
_SHA = re.compile(r"[0-9a-f]{7,64}")
_WHOLE_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SSH = re.compile(r"(?:ssh://)?[\w.-]+@(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>.+)")
MAX_SHOWN = 120


class BadPayloadError(Exception):
    """The payload cannot be taken; the parts name field, value and what was expected."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field = field
        self.value = show(value)
        self.expected = expected
        super().__init__(f"{field or 'the payload'}: expected {expected}, found {self.value}")


def show(value: object) -> str:
    """A value for a message: short, and without characters that a database refuses."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return storable(text)[:MAX_SHOWN]


def storable(text: str) -> str:
    """NUL and lone surrogates become visible escapes; PostgreSQL stores neither."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        BadPayloadError: not UTF-8, not JSON, no object, NaN, a huge number, or nested too deeply.
    """
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadPayloadError("", f"byte {error.start + 1}", "text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadPayloadError("", f"character {error.pos + 1}: {error.msg}", "JSON") from None
    except RecursionError:
        raise BadPayloadError("", "thousands of levels", "JSON that is less deep") from None
    except ValueError as error:
        raise BadPayloadError("", str(error), "numbers of ordinary size") from None
    if not isinstance(found, dict):
        raise BadPayloadError("", type(found).__name__, "one JSON object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def repository_key(address: str, host: str = "") -> str:
    """`github.com/acme/billing` for an address or a name of a repository; host in lower case.

    Args:
        host: put before a name that has none.
    """
    text = address.strip().removesuffix("/").removesuffix(".git")
    if "://" in text and not text.startswith("ssh://"):
        parts = urlsplit(text)
        text = f"{(parts.netloc.rpartition('@')[2]).lower()}{parts.path}"
    elif match := _SSH.fullmatch(text):
        text = f"{match['host'].lower()}/{match['path']}"
    elif host:
        text = f"{host}/{text}"
    return storable(text.strip("/"))[:200]


class Node:
    """One object of a payload and where it stands; what is missing reads as None."""

    def __init__(self, value: Mapping[str, Any], path: str = "") -> None:
        self.value = value
        self.path = path

    def __contains__(self, key: str) -> bool:
        return self.value.get(key) is not None

    def place(self, key: str) -> str:
        """The dotted name of a key."""
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, expected: str) -> BadPayloadError:
        """The error that names this key; raise it."""
        return BadPayloadError(self.place(key), self.value.get(key), expected)

    def at(self, key: str) -> Node:
        """The object below `key`, empty when there is none."""
        found = self.value.get(key)
        if found is None:
            return Node({}, self.place(key))
        if not isinstance(found, Mapping):
            raise self.refuse(key, "an object")
        return Node(found, self.place(key))

    def items(self, key: str) -> Iterator[Node]:
        """The objects of the list below `key`."""
        for number, item in enumerate(self._list(key)):
            if not isinstance(item, Mapping):
                raise self.refuse(key, "a list of objects")
            yield Node(item, f"{self.place(key)}.{number}")

    def _list(self, key: str) -> list[Any]:
        found = self.value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self.refuse(key, "a list")
        return found

    def text(self, key: str, most: int = 500) -> str | None:
        """Text, or a whole number as text; None when it is missing or empty."""
        found = self.value.get(key)
        if found is None or found == "":
            return None
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise self.refuse(key, "text")
        return storable(str(found))[:most]

    def need(self, key: str, most: int = 500) -> str:
        """Text that must be there."""
        found = self.text(key, most)
        if found is None:
            raise self.refuse(key, "a value; it must not be missing")
        if len(found) >= most and len(str(self.value[key])) > most:
            raise self.refuse(key, f"at most {most} characters")
        return found

    def texts(self, key: str, most: int = 200) -> tuple[str, ...] | None:
        """A list of texts; None when it is missing."""
        if self.value.get(key) is None:
            return None
        found = self._list(key)
        if not all(isinstance(item, str | int) for item in found):
            raise self.refuse(key, "a list of texts")
        return tuple(storable(str(item))[:most] for item in found)

    def number(self, key: str) -> int | None:
        """A whole number that is not negative."""
        found = self.value.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**31:
            raise self.refuse(key, "a whole number")
        return found

    def flag(self, key: str) -> bool | None:
        """True or false."""
        found = self.value.get(key)
        if found is not None and not isinstance(found, bool):
            raise self.refuse(key, "true or false")
        return found

    def moment(self, key: str) -> datetime | None:
        """A moment in UTC."""
        if self.value.get(key) in (None, ""):
            return None
        try:
            return read_moment(self.value[key])
        except ValueError as error:
            raise self.refuse(key, str(error)) from None

    def need_moment(self, key: str) -> datetime:
        """A moment that must be there."""
        found = self.moment(key)
        if found is None:
            raise self.refuse(key, "a date and time; it must not be missing")
        return found

    def sha(self, key: str) -> str | None:
        """A commit, whole; forty zeros mean that there is none."""
        found = self.text(key, 80)
        if found is None or NO_COMMIT.fullmatch(found):
            return None
        if not _WHOLE_SHA.fullmatch(found.lower()):
            raise self.refuse(key, "a commit of 40 or 64 hexadecimal digits")
        return found.lower()

    def short_sha(self, key: str) -> str | None:
        """A commit, or the first seven or more digits of one."""
        found = self.text(key, 80)
        if found is not None and not _SHA.fullmatch(found.lower()):
            raise self.refuse(key, "a commit of 7 to 64 hexadecimal digits")
        return found.lower() if found else None
