"""What a row is broken out by beyond what the portal asks for.

A saved answer may be broken out further than a fetched one. Most dimensions only split finer, and
then lines stay apart. Some do not add up, and then nothing of the answer is taken.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from billing.sources.anthropic.rows import dimensions_of
from billing.sources.buckets import Row
from billing.sources.pages import Page

OVERLAPPING = "rbac_group_id"
ACTOR = "actor"
# Who was behind a row: the first of them that is there is its principal.
_WHO = (ACTOR, "account_id", "service_account_id", "claude_tag_user_id")
# An address is what teams know people by; of an account that is deleted the id is left.
_ACTOR_NAMES = (
    *("email_address", "email", "user_id", "service_account_id"),
    *("id", "api_key_name"),
)
# What a quantity may be told apart by. Named one by one: a dimension that is new might be a person.
_IMPERSONAL = frozenset(
    (
        *("actor_type", "agent_id", "claude_tag_category", "context_window", "deployment_id"),
        *("environment_id", "inference_geo", "service_account_id", "slack_channel_id", "speed"),
    )
)


def further_of(row: Row, read: Collection[str], page: Page) -> dict[str, str]:
    """Dimensions of a row that are not among those `read`, by key; without nulls.

    Raises:
        BadValueError: its dimensions are no object.
        ImportRefusedError: rows of such an answer must not be added, or one cannot be told.
    """
    names = dimensions_of(row)
    found: dict[str, str] = {}
    for key, value in names.items():
        if value is None or value == "" or key in read:
            continue
        if key == OVERLAPPING:
            raise _overlapping(page)
        if key == ACTOR:
            if names is row:
                raise user_report(page, row)
            found[key] = _name_of_actor(value, page)
        elif names is row and _is_measure(key, value):
            continue
        elif isinstance(value, str):
            found[key] = value
        else:
            raise page.refuse(
                "unknown_dimension",
                f"rows of this answer are broken out by {key} in a form that cannot be read",
                field=key,
                expected="a text; or the same report without that grouping",
            )
    return found


def split_principal(further: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Who was behind a cost line, if that is said, and what else there is to keep."""
    who = next((key for key in _WHO if key in further), None)
    if who is None:
        return "", further
    return further[who], {key: value for key, value in further.items() if key != who}


def without_people(further: dict[str, str]) -> dict[str, str]:
    """What a quantity may keep: nothing of a person or of one person's work."""
    return {key: value for key, value in further.items() if key in _IMPERSONAL}


def user_report(page: Page, row: Row) -> Exception:
    """The error that a page is a report of users, which is a part of another report."""
    kind = "cost" if "amount" in row else "usage"
    return page.refuse(
        "user_report",
        f"this is a user_{kind}_report: it holds only what can be put down to a seat, so it would "
        "take the place of the organisation's whole by a part",
        field=ACTOR,
        expected=f"the organisation's {kind}_report of the same days",
    )


def _overlapping(page: Page) -> Exception:
    return page.refuse(
        "overlapping_groups",
        f"rows of this answer are broken out by {OVERLAPPING} and overlap: whoever is in two "
        "groups counts in both, so they come to more than was spent",
        field=OVERLAPPING,
        expected="the same report without that grouping",
    )


def _name_of_actor(value: Any, page: Page) -> str:
    """The address or id of who was behind a row; never their full name."""
    named = value
    if isinstance(value, dict):
        named = next((each for key in _ACTOR_NAMES if (each := value.get(key))), None)
    if not isinstance(named, str):
        raise page.refuse(
            "unknown_actor",
            "an actor of this answer has no address and no id that is known",
            field=ACTOR,
            expected=f"a text, or an object with one of {', '.join(_ACTOR_NAMES)}; or the same "
            "report without that grouping",
        )
    return named


def _is_measure(key: str, value: Any) -> bool:
    """Whether what stands beside an amount or a count is another one. Dimensions are texts."""
    if isinstance(value, dict):
        return all(each is None or _is_measure(name, each) for name, each in value.items())
    if isinstance(value, str):
        return key.endswith("amount")
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
