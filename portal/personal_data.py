"""Where a person's data lies, and how it is erased. Rooms register theirs in `AppConfig.ready()`.

What somebody did stays, under the number of the account: deliveries, decisions and events of the
audit do not lose their author, only the author's name. The audit itself is no store here: it is
erased last, after the stores have written into it what they took away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.checks import CheckMessage, Error
from django.urls import reverse

from portal.models import User
from portal.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalStore:
    """One place with data of a person.

    Attributes:
        key: `room.noun`.
        label: what lies there, for people.
        count: how much of it names this person now; 0 once it is erased.
        erase: takes it away, within the erasing transaction.
        stays: what is kept of it, and why; empty when nothing is.
    """

    key: str
    label: str
    count: Callable[[User], int]
    erase: Callable[[User], None]
    stays: str = ""


def _check(store: PersonalStore) -> list[CheckMessage]:
    if "." not in store.key or not store.label:
        return [
            Error(f"personal store {store.key!r} needs room.noun and a label", id="portal.E291")
        ]
    return []


personal_stores: Registry[PersonalStore] = Registry("personal store", _check)


def erasure_address(pk: int) -> str:
    """Where the approver finds whose erasure is asked for; services know no addresses."""
    return reverse("person-erasure", args=[pk])
