"""What makes a decision illegitimate."""

from __future__ import annotations

import datetime as dt
import random

from django.utils import timezone

from portal.approvals.guards import POLICY_KIND
from portal.choices import ApprovalOutcome, Role
from portal.models import (
    ApprovalRequest,
    BreakGlass,
    Connection,
    RoleGrant,
    User,
)
from portal.services.approval_policies import request_policy
from portal.services.approvals import decide, expire_due, recheck, request_approval, withdraw
from portal.services.break_glass import close_expired, open_break_glass
from portal.services.roles import request_role
from tests.portal.approvals.ground import DAY, HOUR, WHY, Attempt, Ground, deed
from tests.portal.approvals.kinds import KEY


@deed
def approves_what_they_asked_for(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.cast.ruth)


@deed
def approves_with_a_second_account(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.second)


@deed
def approves_with_an_account_of_the_same_address(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.namesake)


@deed
def changes_their_own_account_after_asking(ground: Ground, chance: random.Random) -> Attempt:
    """Key, address or both: of the account that asked, or of the one that decides."""
    asked = ground.cast.ask()
    by = chance.choice([ground.cast.ruth, ground.second])
    changed = chance.choice([ground.cast.ruth, by])
    new: dict[str, str] = {"person_key": f"person:{chance.random()}"}
    if chance.random() < 0.5:
        new["email"] = f"{chance.randrange(10**6)}@elsewhere.example"
    User.objects.filter(pk=changed.pk).update(**new)
    return Attempt(asked, User.objects.get(pk=by.pk))


@deed
def approves_what_they_edited(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.cast.ed)


@deed
def approves_what_they_gain_by(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask("New", **{"for": [ground.cast.kwame.pk]}), ground.cast.kwame)


@deed
def approves_without_a_role(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), chance.choice([ground.cast.mira, ground.cast.ada]))


@deed
def approves_with_a_role_of_an_hour(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.young)


@deed
def approves_after_having_left(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.leaver)


@deed
def approves_with_a_role_that_was_taken_away(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    RoleGrant.objects.filter(user=ground.cast.kwame).delete()
    return Attempt(asked, ground.cast.kwame)


@deed
def approves_what_was_edited_meanwhile(ground: Ground, chance: random.Random) -> Attempt:
    """The edit goes through a service, which lets the request be looked at again."""
    asked = ground.cast.ask()
    Connection.objects.filter(pk=ground.cast.cloud.pk).update(is_active=False)
    recheck(kind=KEY, subject=asked.subject, at=timezone.now())
    return Attempt(asked, ground.cast.kwame)


@deed
def approves_what_was_edited_past_the_service(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    Connection.objects.filter(pk=ground.cast.cloud.pk).update(source="cursor")
    return Attempt(asked, ground.cast.kwame)


@deed
def approves_after_editing_it_meanwhile(ground: Ground, chance: random.Random) -> Attempt:
    """Their hands came into it after it was asked for; what it shows is as it was."""
    asked = ground.cast.ask()
    cloud = Connection.objects.filter(pk=ground.cast.cloud.pk)
    cloud.update(config={"editors": [ground.cast.ed.pk, ground.cast.kwame.pk]})
    return Attempt(asked, ground.cast.kwame)


@deed
def approves_something_else_than_was_asked(ground: Ground, chance: random.Random) -> Attempt:
    seen = chance.choice(["0" * 64, f"{chance.getrandbits(256):064x}"])
    return Attempt(ground.cast.ask(), ground.cast.kwame, seen=seen)


@deed
def approves_what_has_expired(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(_old(ground), ground.cast.kwame)


def _old(ground: Ground) -> ApprovalRequest:
    return _asked_at(ground, timezone.now() - 20 * DAY)


@deed
def backdates_a_decision_on_what_has_expired(ground: Ground, chance: random.Random) -> Attempt:
    asked = _old(ground)
    expire_due(at=timezone.now())  # the hourly job
    return Attempt(asked, ground.cast.kwame, at=asked.requested_at + HOUR)


@deed
def decides_in_the_future(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    return Attempt(asked, ground.young, at=timezone.now() + 2 * DAY)


@deed
def approves_what_was_withdrawn(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    withdraw(request_id=asked.pk, actor=ground.cast.ruth, reason="", at=timezone.now())
    return Attempt(asked, ground.cast.kwame)


@deed
def decides_again_what_was_rejected(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    decided(asked, ground.cast.kwame, ApprovalOutcome.REJECT)
    return Attempt(asked, ground.cast.kwame)


@deed
def replays_an_old_approval(ground: Ground, chance: random.Random) -> Attempt:
    """The same content was approved once, undone, and is asked for again by somebody else."""
    asked = ground.cast.ask()
    decided(asked, ground.cast.kwame, ApprovalOutcome.APPROVE)
    Connection.objects.filter(pk=ground.cast.cloud.pk).update(name="Cloud")
    return Attempt(asked, ground.cast.kwame)


def decided(asked: ApprovalRequest, by: User, outcome: ApprovalOutcome) -> None:
    decide(
        request_id=asked.pk,
        approver=by,
        outcome=outcome,
        seen_hash=asked.content_hash,
        reason="No.",
        at=timezone.now(),
    )


@deed
def approves_in_the_name_of_an_approver(ground: Ground, chance: random.Random) -> Attempt:
    return Attempt(ground.cast.ask(), ground.cast.ruth, in_name_of=ground.cast.kwame)


@deed
def uses_the_break_glass_of_another(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    return Attempt(asked, ground.cast.ruth, glass=opened_glass(ground))


def opened_glass(ground: Ground, hours: int = 1, ago: dt.timedelta = dt.timedelta()) -> BreakGlass:
    return open_break_glass(
        actor=ground.cast.ada, reason=WHY, lasting=hours * HOUR, at=timezone.now() - ago
    )


@deed
def uses_break_glass_that_is_over(ground: Ground, chance: random.Random) -> Attempt:
    glass = opened_glass(ground, ago=2 * HOUR)
    return Attempt(ground.cast.ask(), ground.cast.ada, glass=glass)


@deed
def backdates_a_decision_under_break_glass(ground: Ground, chance: random.Random) -> Attempt:
    glass = opened_glass(ground, ago=2 * HOUR)
    close_expired(at=timezone.now())  # the hourly job
    asked = _asked_at(ground, timezone.now() - 2 * HOUR)
    return Attempt(asked, ground.cast.ada, glass=glass, at=timezone.now() - 1.5 * HOUR)


def _asked_at(ground: Ground, at: dt.datetime) -> ApprovalRequest:
    return request_approval(
        kind=KEY,
        subject=str(ground.cast.cloud.pk),
        payload={"name": "New"},
        reason="",
        actor=ground.cast.ruth,
        at=at,
    )


@deed
def uses_break_glass_after_losing_the_role(ground: Ground, chance: random.Random) -> Attempt:
    glass = opened_glass(ground)
    asked = ground.cast.ask()
    RoleGrant.objects.filter(user=ground.cast.ada, role=Role.ADMINISTRATOR).delete()
    return Attempt(asked, ground.cast.ada, glass=glass)


@deed
def rejects_under_break_glass(ground: Ground, chance: random.Random) -> Attempt:
    glass = opened_glass(ground)
    return Attempt(ground.cast.ask(), ground.cast.ada, glass=glass, outcome="reject")


@deed
def approves_by_rules_that_changed_meanwhile(ground: Ground, chance: random.Random) -> Attempt:
    asked = ground.cast.ask()
    change_rules(ground)
    return Attempt(asked, ground.cast.kwame)


def change_rules(ground: Ground) -> None:
    changed = request_policy(
        kind=KEY,
        approver_roles=[Role.PROGRAMME_LEAD],
        request_days=3,
        reason="",
        actor=ground.cast.ada,
        at=timezone.now(),
    )
    decided(changed, ground.cast.ed, ApprovalOutcome.APPROVE)


@deed
def approves_their_own_change_of_the_rules(ground: Ground, chance: random.Random) -> Attempt:
    asked = request_policy(
        kind=chance.choice([KEY, POLICY_KIND]),
        approver_roles=[Role.FINANCE],
        request_days=1,
        reason="",
        actor=ground.cast.ada,
        at=timezone.now(),
    )
    return Attempt(asked, ground.cast.ada)


@deed
def approves_a_role_for_themselves(ground: Ground, chance: random.Random) -> Attempt:
    asked = request_role(
        user=ground.cast.kwame,
        role=Role.AUDITOR,
        reason="Wanted.",
        actor=ground.lead,
        at=timezone.now(),
    )
    return Attempt(asked, ground.cast.kwame)


@deed
def asks_for_the_role_and_approves_with_it(ground: Ground, chance: random.Random) -> Attempt:
    """Given by approval it counts a day later, so the next decision is not theirs yet."""
    mine = request_role(
        user=ground.lead,
        role=Role.APPROVER,
        reason="Wanted.",
        actor=ground.lead,
        at=timezone.now(),
    )
    decided(mine, ground.cast.kwame, ApprovalOutcome.APPROVE)
    return Attempt(ground.cast.ask(), User.objects.get(pk=ground.lead.pk))
