"""Whose a name might be: by address and by name, never by what anybody did. Pure.

A guess is shown to a person, who says yes or no. None is ever taken by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rapidfuzz import fuzz

MOST = 3  # guesses for one identity
ALIKE = 90  # of 100, by words in any order
_NOREPLY = re.compile(r"(?:\d+\+)?(?P<login>[\w.-]+)@users\.noreply\.[\w.-]+", re.IGNORECASE)
_LOGINS = ("github_login", "gitlab_username", "login")


class Someone(NamedTuple):
    """An account, by what may name it."""

    key: int
    username: str
    full_name: str
    email: str


class Name(NamedTuple):
    """An identity; `owner` is the account that it is known to be."""

    kind: str
    value: str
    display_name: str
    owner: int | None = None


class Guess(NamedTuple):
    """An account that it might be, and why; a lower rank is a better reason."""

    someone: int
    why: str
    rank: int


def plain(text: str) -> str:
    """Letters and digits in small letters without accents, words by one blank."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c if c.isalnum() else " " for c in bare if not unicodedata.combining(c))
    return " ".join(kept.split())


class Matcher:
    """Guesses for many identities; made once from all accounts and what is known already."""

    def __init__(self, people: Iterable[Someone], known: Iterable[Name]) -> None:
        self._emails: dict[str, set[int]] = defaultdict(set)
        self._logins: dict[str, set[int]] = defaultdict(set)
        self._names: dict[str, set[int]] = defaultdict(set)
        for each in people:
            self._add(self._emails, each.email.casefold(), each.key)
            self._add(self._logins, each.username.casefold().partition("@")[0], each.key)
            self._add(self._logins, each.email.casefold().partition("@")[0], each.key)
            self._add(self._names, plain(each.full_name), each.key)
        self._known: dict[str, set[int]] = defaultdict(set)
        for name in known:
            if name.owner is not None:
                self._add(self._known, login_of(name), name.owner)
                self._add(self._names, plain(name.display_name), name.owner)

    @staticmethod
    def _add(where: dict[str, set[int]], text: str, key: int) -> None:
        if text:
            where[text].add(key)

    def guesses(self, name: Name) -> list[Guess]:
        """Best first, at most three, each account once. A name that two people share says nothing
        alone, so both are shown."""
        login, called = login_of(name), plain(name.display_name)
        found = [
            *self._look(self._emails, name.value.casefold(), "same e-mail address", 0),
            *self._look(self._known, login, "the same name is theirs elsewhere", 1),
            *self._look(self._logins, login, "the same account name", 2),
            *self._look(self._names, called, "the same name", 3),
        ]
        if not found and len(called) > 4:  # noqa: PLR2004  (shorter names are alike by chance)
            found += self._alike(called)
        best: dict[int, Guess] = {}
        for guess in found:
            if guess.someone not in best or guess.rank < best[guess.someone].rank:
                best[guess.someone] = guess
        return sorted(best.values(), key=lambda each: (each.rank, each.someone))[:MOST]

    @staticmethod
    def _look(where: Mapping[str, set[int]], text: str, why: str, rank: int) -> list[Guess]:
        keys = where.get(text, ()) if text else ()
        return [Guess(key, why, rank) for key in keys]

    def _alike(self, called: str) -> list[Guess]:
        scored = ((fuzz.token_sort_ratio(called, other), other) for other in self._names)
        near = sorted((each for each in scored if each[0] >= ALIKE), reverse=True)[:MOST]
        return [
            Guess(key, "a similar name", 4)
            for _, other in near
            for key in sorted(self._names[other])
        ]


def login_of(name: Name) -> str:
    """The account name in an identity: itself, or what a private address of GitHub or GitLab
    holds, or the part of an address before the `@`."""
    text = name.value.casefold()
    if name.kind in _LOGINS:
        return text
    hidden = _NOREPLY.fullmatch(text)
    return hidden["login"] if hidden else text.partition("@")[0]
