"""Reading what a person chose about notices and digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.models import DigestSetting, NoticePreference, User
from portal.notice_kinds import NoticeKind, notice_kinds


@dataclass(frozen=True, slots=True)
class Ways:
    """By which ways a person is told."""

    in_portal: bool = True
    by_email: bool = True

    @property
    def is_off(self) -> bool:
        return not self.in_portal and not self.by_email


def ways_of(users: Iterable[User], kind: str) -> dict[int, Ways]:
    """By person: how they want to be told of this kind; in one query.

    What a kind requires stands in the portal whatever was chosen.
    """
    people = [user.pk for user in users]
    is_required = kind in notice_kinds and notice_kinds.get(kind).is_required
    chosen = {
        user: Ways(in_portal or is_required, by_email)
        for user, in_portal, by_email in NoticePreference.objects.filter(
            user__in=people, kind=kind
        ).values_list("user_id", "in_portal", "by_email")
    }
    return {pk: chosen.get(pk, Ways()) for pk in people}


def own_notice_choices(person: User) -> list[tuple[NoticeKind, Ways]]:
    """Every kind of notice with what this person chose, by label."""
    chosen = {
        each.kind: Ways(each.in_portal, each.by_email)
        for each in NoticePreference.objects.filter(user=person)
    }
    return [
        (kind, chosen.get(kind.key, Ways()))
        for kind in sorted(notice_kinds, key=lambda each: each.label)
    ]


def own_digest_setting(person: User) -> DigestSetting:
    """When this person's digests come; an unsaved row with the defaults when they chose nothing."""
    return DigestSetting.objects.filter(user=person).first() or DigestSetting(user=person)
