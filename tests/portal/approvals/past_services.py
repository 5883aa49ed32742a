"""What is written past the services, by ORM and SQL, as the signed-in person."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from portal.audit.context import Channel, acting
from portal.choices import ApprovalOutcome, GrantSource, Role
from portal.models import (
    ApprovalDecision,
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
    RoleGrant,
    User,
)
from portal.services.approvals import withdraw
from tests.portal.approvals.deeds import change_rules, decided, opened_glass
from tests.portal.approvals.ground import (
    DAY,
    HOUR,
    WHY,
    Attempt,
    Ground,
    Succeeded,
    raw,
    state_of_things,
)
from tests.portal.approvals.kinds import KEY
from tests.portal.approvals.ways import by_orm, row_of


@contextlib.contextmanager
def signed_in_as(person: User) -> Iterator[None]:
    with acting(channel=Channel.PAGE, user_id=person.pk):
        yield


@raw
def gives_themselves_the_role(ground: Ground, chance: random.Random) -> None:
    me, now = ground.cast.mira, timezone.now()
    source = chance.choice(list(GrantSource))
    with signed_in_as(me):
        RoleGrant.objects.bulk_create(
            [
                RoleGrant(
                    user=me,
                    role=Role.APPROVER,
                    granted_by=chance.choice([None, me, ground.cast.kwame]),
                    granted_at=now - 3 * DAY,
                    counts_from=now - chance.choice([0, 2]) * DAY,
                    source=source,
                )
            ]
        )


@raw
def takes_the_role_of_another(ground: Ground, chance: random.Random) -> None:
    change: dict[str, Any] = chance.choice(
        [{"user": ground.cast.mira}, {"role": Role.ADMINISTRATOR}]
    )
    with signed_in_as(ground.cast.ruth):
        RoleGrant.objects.filter(user=ground.cast.kwame).update(**change)


@raw
def lets_a_new_role_count_at_once(ground: Ground, chance: random.Random) -> None:
    with signed_in_as(ground.young):
        RoleGrant.objects.filter(user=ground.young).update(
            counts_from=chance.choice([None, timezone.now() - DAY])
        )


@raw
def calls_it_approved(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    with signed_in_as(ground.cast.ruth):
        ApprovalRequest.objects.filter(pk=asked.pk).update(status="approved")


@raw
def asks_for_something_approved(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    with signed_in_as(ground.cast.ruth):
        asked.pk, asked.status, asked.subject = None, "approved", "elsewhere"
        ApprovalRequest.objects.bulk_create([asked])


@raw
def asks_in_the_name_of_another(ground: Ground, chance: random.Random) -> None:
    """Then the approver of it would be the person who wants it."""
    asked = ground.cast.ask()
    withdraw(request_id=asked.pk, actor=ground.cast.ruth, reason="", at=timezone.now())
    with signed_in_as(ground.cast.ruth):
        asked.pk, asked.status, asked.author = None, "pending", ground.cast.mira
        with transaction.atomic():
            ApprovalRequest.objects.bulk_create([asked])
        made = ApprovalRequest.objects.get(author=ground.cast.mira)
        _party(made, ground.cast.mira, "author")
        by_orm(ground, Attempt(made, ground.cast.ruth))


def _party(asked: ApprovalRequest, person: User, part: str) -> None:
    ApprovalParty.objects.create(
        request=asked,
        user=person,
        part=part,
        person_key=person.person_key,
        email=person.email.lower(),
    )


@raw
def takes_their_hand_out_of_it(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    person = chance.choice([ground.cast.ruth, ground.cast.ed])
    hands = ApprovalParty.objects.filter(request=asked, user=person)
    with signed_in_as(person):
        with contextlib.suppress(DatabaseError), transaction.atomic():
            if chance.random() < 0.5:
                hands._raw_delete(hands.db)
            else:
                mira = ground.cast.mira
                hands.update(user=mira, person_key=mira.person_key, email="")
        by_orm(ground, Attempt(asked, person))


@raw
def asks_without_a_party(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    withdraw(request_id=asked.pk, actor=ground.cast.ruth, reason="", at=timezone.now())
    with signed_in_as(ground.cast.ruth):
        asked.pk, asked.status = None, "pending"
        ApprovalRequest.objects.bulk_create([asked])
        made = ApprovalRequest.objects.get(status="pending")
        by_orm(ground, Attempt(made, ground.cast.ruth))


@raw
def rewrites_what_was_approved(ground: Ground, chance: random.Random) -> None:
    """An approval of one thing must not become the approval of another."""
    asked = ground.cast.ask()
    change: dict[str, Any] = chance.choice(
        [{"target": "Other"}, {"subject": "0"}, {"payload": {"name": "Other"}},
         {"approver_roles": "|finance|"}, {"author_id": ground.cast.mira.pk},
         {"content_hash": "0" * 64}]
    )  # fmt: skip
    with signed_in_as(ground.cast.ruth):
        changed = ApprovalRequest.objects.filter(pk=asked.pk).update(**change)
    if changed:
        raise Succeeded


@raw
def turns_a_rejection_round(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    decided(asked, ground.cast.kwame, ApprovalOutcome.REJECT)
    before = state_of_things()
    with signed_in_as(ground.cast.ruth):
        made = ApprovalDecision.objects.filter(request=asked)
        with contextlib.suppress(DatabaseError), transaction.atomic():
            if chance.random() < 0.5:
                made.update(outcome="approve")
            else:
                made._raw_delete(made.db)
        with contextlib.suppress(DatabaseError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=asked.pk).update(status="approved")
    if state_of_things() != before:
        raise Succeeded
    raise ValueError("refused")  # undoes the rejection that this began with


@raw
def puts_other_rules_in_force(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    with signed_in_as(ground.cast.ruth):
        ApprovalPolicy.objects.create(
            kind=KEY,
            version=1,
            approver_roles=["finance"],
            request_days=1,
            effective_at=timezone.now(),
            request=asked,
        )


@raw
def takes_the_rules_out_of_force(ground: Ground, chance: random.Random) -> None:
    """Without a live version the registered rule would hold again."""
    change_rules(ground)
    rows = ApprovalPolicy.objects.filter(kind=KEY)
    with signed_in_as(ground.cast.kwame):
        if chance.random() < 0.5:
            change: dict[str, Any] = chance.choice(
                [{"retired_at": timezone.now()}, {"approver_roles": ["finance"]}]
            )
            changed = rows.update(**change)
        else:
            changed = rows._raw_delete(rows.db)
    if changed:
        raise Succeeded


@raw
def breaks_the_glass_without_being_administrator(ground: Ground, chance: random.Random) -> None:
    now = timezone.now()
    opener = chance.choice([ground.cast.ruth, ground.cast.ada])
    with signed_in_as(ground.cast.ruth):
        glass = BreakGlass.objects.create(
            opened_by=opener, opened_at=now, expires_at=now + HOUR, reason=WHY
        )
    raise Succeeded(glass)


@raw
def keeps_the_glass_open(ground: Ground, chance: random.Random) -> None:
    now = timezone.now()
    glass = opened_glass(ground)
    with signed_in_as(ground.cast.ada):
        if chance.random() < 0.5:
            BreakGlass.objects.filter(pk=glass.pk).update(expires_at=now + 9 * HOUR)
        else:
            BreakGlass.objects.create(
                opened_by=ground.cast.ada, opened_at=now, expires_at=now + 9 * HOUR, reason=WHY
            )
    raise Succeeded(glass)


@raw
def reviews_or_removes_their_own_break_glass(ground: Ground, chance: random.Random) -> None:
    rows = BreakGlass.objects.filter(pk=opened_glass(ground).pk)
    twin = ground.cast.mira
    User.objects.filter(pk=twin.pk).update(person_key=ground.cast.ada.person_key)
    with signed_in_as(ground.cast.ada):
        if chance.random() < 0.6:
            rows.update(reviewed_by=chance.choice([ground.cast.ada, twin]))
        else:
            rows._raw_delete(rows.db)
    raise Succeeded


@raw
def decides_by_token_or_task_past_the_api(ground: Ground, chance: random.Random) -> None:
    asked = ground.cast.ask()
    row = row_of(Attempt(asked, ground.cast.kwame))
    row.channel = chance.choice(["page", "token", "task"])
    with acting(channel=chance.choice([Channel.TOKEN, Channel.TASK]), user_id=ground.cast.kwame.pk):
        row.save()
