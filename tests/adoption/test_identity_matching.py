"""Whose a name might be: by address and name; a guess is never taken by itself."""

from __future__ import annotations

import pytest

from adoption.identity_matching import Matcher, Name, Someone

PEOPLE = [
    Someone(1, "mira", "Mira Okafor", "mira@acme.example"),
    Someone(2, "jose", "José Álvarez", "jose.alvarez@acme.example"),
    Someone(3, "anna", "Anna Schmidt", "anna@acme.example"),
    Someone(4, "anna.s", "Anna Schmidt", "anna.s@acme.example"),
]
KNOWN = [
    Name("github_login", "m-okafor", "", 1),
    Name("git_email", "old@private.example", "M O", 1),
]


def told(kind: str, value: str, name: str = "") -> list[tuple[int, str]]:
    found = Matcher(PEOPLE, KNOWN).guesses(Name(kind, value, name))
    return [(guess.someone, guess.why) for guess in found]


@pytest.mark.parametrize(
    ("kind", "value", "name", "expected"),
    [
        ("git_email", "Mira@ACME.example", "", [(1, "same e-mail address")]),
        ("git_email", "91+m-okafor@users.noreply.github.com", "",
         [(1, "the same name is theirs elsewhere")]),
        ("gitlab_username", "jose", "", [(2, "the same account name")]),
        ("git_email", "x@other.example", "Jose  Alvarez", [(2, "the same name")]),
        ("git_email", "x@other.example", "Okafor, Mira", [(1, "a similar name")]),
        ("git_email", "x@other.example", "Anna Schmidt",
         [(3, "the same name"), (4, "the same name")]),
        ("git_email", "renovate@bots.example", "renovate", []),
        ("git_email", "x@other.example", "", []),
    ],
)  # fmt: skip
def test_guesses_are_ranked_by_how_good_the_reason_is(
    kind: str, value: str, name: str, expected: list[tuple[int, str]]
) -> None:
    assert told(kind, value, name) == expected


def test_one_account_is_named_once_with_its_best_reason() -> None:
    found = told("git_email", "mira@acme.example", "Mira Okafor")
    assert found == [(1, "same e-mail address")]
