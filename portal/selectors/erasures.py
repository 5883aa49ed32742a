"""What the erasure of a person would take away, read only."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.models import ApprovalRequest, AuditEvent, AuditName, AuditPersonal, User
from portal.personal_data import personal_stores
from portal.policies import AnyUser, may_see_erasures
from portal.selectors.approvals import requests_visible_to

ERASURE_KIND = "portal.erasure"
STAYS = (
    "every event under the number of the account, its reason in words, and every seal; addresses "
    "and keys of people with a hand in an approval, which prove that two decided"
)


@dataclass(frozen=True, slots=True)
class Erasable:
    """One kind of data of a person, and how much of it there is."""

    label: str
    count: int
    stays: str = ""


def erasure_of(person: User) -> list[Erasable]:
    """Everything that an erasure takes away, in its order; counts are 0 once it is done."""
    found = [Erasable(each.label, each.count(person), each.stays) for each in personal_stores]
    found.append(Erasable("Names under which the person acted", names_of(person).count()))
    found.append(Erasable("Personal values in the audit", values_of(person).count(), STAYS))
    return found


def people_to_erase_visible_to(user: AnyUser) -> QuerySet[User]:
    """Accounts whose erasure somebody may look at: those who ask, decide, or audit."""
    rows = User.objects.order_by("pk")
    return rows if may_see_erasures(user) else rows.none()


def names_of(person: User) -> QuerySet[AuditName]:
    """Names under which this account acted that are not erased yet."""
    return AuditName.objects.filter(person_id=person.pk, erasure_id__isnull=True)


def values_of(person: User) -> QuerySet[AuditPersonal]:
    """Personal values of events about this person, and about the same row before it was known
    whose it is."""
    theirs = AuditEvent.objects.filter(
        table=OuterRef("table"),
        key=OuterRef("key"),
        personal_id__in=AuditPersonal.objects.filter(person_id=person.pk).values("pk"),
    )
    unclaimed = AuditEvent.objects.filter(Exists(theirs), personal_id__isnull=False)
    return AuditPersonal.objects.filter(erasure_id__isnull=True).filter(
        Q(person_id=person.pk) | Q(person_id__isnull=True, pk__in=unclaimed.values("personal_id"))
    )


def requests_to_erase_visible_to(user: AnyUser, *, person: User) -> list[ApprovalRequest]:
    """What was asked about the erasure of this person, newest first."""
    rows = requests_visible_to(user).filter(kind=ERASURE_KIND, subject=str(person.pk))
    return list(rows.order_by("-pk")) if may_see_erasures(user) else []
