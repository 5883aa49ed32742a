"""Where attacks take place: the people, their browsers and tokens, and what counts as gained."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from portal.choices import Role
from portal.models import (
    ApprovalDecision,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
    Connection,
    RoleGrant,
    User,
)
from portal.services.api_tokens import create_api_token
from tests.imports import make_person
from tests.portal.approvals.people import Cast, make_cast

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
REFUSALS = (ValueError, LookupError, DatabaseError, PermissionError)
WHY = "There is nobody else about."


@dataclass
class Ground:
    """Who is there, and signed-in browsers and tokens for each of them."""

    cast: Cast
    second: User  # another account of Ruth: same key
    namesake: User  # another account of Ruth: same address, in other letters
    young: User  # an approver since an hour
    leaver: User  # an approver who left
    lead: User
    clients: dict[int, Client]
    tokens: dict[int, str]

    @property
    def people(self) -> list[User]:
        cast = self.cast
        return [cast.ruth, cast.kwame, cast.ed, cast.ada, cast.mira, self.second, self.namesake,
                self.young, self.leaver, self.lead]  # fmt: skip


def make_ground() -> Ground:
    """Made once; every attempt on it is undone."""
    cast = make_cast()
    now = timezone.now()
    User.objects.filter(pk=cast.ruth.pk).update(email="ruth@acme.example")
    cast.ruth.refresh_from_db()
    second, namesake, leaver = (
        make_person(name, Role.APPROVER) for name in ("ruth2", "ruth3", "left")
    )
    User.objects.filter(pk=second.pk).update(person_key=cast.ruth.person_key)
    User.objects.filter(pk=namesake.pk).update(email="Ruth@ACME.example")
    young, lead = make_person("young"), make_person("lead", Role.PROGRAMME_LEAD)
    RoleGrant.objects.create(
        user=young, role=Role.APPROVER, granted_at=now, counts_from=now + 23 * HOUR
    )
    ground = Ground(cast, second, namesake, young, leaver, lead, {}, {})
    for person in ground.people:
        person.refresh_from_db()
        client = Client(raise_request_exception=False)
        client.force_login(person)
        ground.clients[person.pk] = client
        _, text = create_api_token(
            owner=person, name="t", scopes=["approvals:read"], expires_at=now + DAY,
            actor=person, at=now,
        )  # fmt: skip
        ground.tokens[person.pk] = text
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    leaver.refresh_from_db()
    return ground


@dataclass(frozen=True)
class Attempt:
    """A decision that must not come about."""

    asked: ApprovalRequest
    by: User
    seen: str = ""
    glass: BreakGlass | None = None
    in_name_of: User | None = None
    at: dt.datetime | None = None
    outcome: str = "approve"

    @property
    def hash(self) -> str:
        return self.seen or self.asked.content_hash


Deed = Callable[[Ground, random.Random], Attempt]
Way = Callable[[Ground, Attempt], None]
DEEDS: dict[str, Deed] = {}
WAYS: dict[str, Way] = {}
RAW: dict[str, Callable[[Ground, random.Random], None]] = {}
RAW_WAYS = ("orm", "sql")


def deed(function: Deed) -> Deed:
    DEEDS[function.__name__] = function
    return function


def way(function: Way) -> Way:
    WAYS[function.__name__.removeprefix("by_")] = function
    return function


def raw(function: Callable[[Ground, random.Random], None]) -> Callable[..., None]:
    RAW[function.__name__] = function
    return function


class Succeeded(Exception):  # noqa: N818  (an outcome, not an error)
    """The write that had to be refused was taken."""


def state_of_things() -> tuple[Any, ...]:
    """What an attack would change, if it worked."""
    return (
        list(ApprovalDecision.objects.order_by("pk").values_list("pk", "outcome")),
        list(ApprovalRequest.objects.filter(status="approved").order_by("pk").values_list("pk")),
        list(RoleGrant.objects.order_by("pk").values_list("user", "role", "counts_from")),
        list(ApprovalPolicy.objects.order_by("pk").values_list("kind", "version", "retired_at")),
        list(Connection.objects.values_list("name")),
    )
