"""Reading what a person chose about notices and digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from portal.models import DigestSetting, NoticePreference, User
from portal.notice_kinds import NoticeKind, notice_kinds


@dataclass(frozen=True, slots=True)
class Ways:
    """By which ways a person is told."""

    in_portal: bool = True
    by_email: bool = True
    by_chat: bool = True

    @property
    def is_off(self) -> bool:
        return not (self.in_portal or self.by_email or self.by_chat)


def ways_of(users: Iterable[User], kind: str) -> dict[int, Ways]:
    """By person: how they are told of this kind; in one query, two where it goes to chats.

    What a kind requires stands in the portal whatever was chosen. By chat are told those who gave
    an address of one, where the kind goes to chats at all.
    """
    people = [user.pk for user in users]
    known = notice_kinds.get(kind) if kind in notice_kinds else None
    is_required = known is not None and known.is_required
    with_chat: set[int] = set()
    if known is not None and known.goes_to_chat:
        settings = DigestSetting.objects.filter(user__in=people).exclude(chat_ciphertext="")
        with_chat = set(settings.values_list("user_id", flat=True))
    chosen = {
        user: Ways(in_portal or is_required, by_email, by_chat)
        for user, in_portal, by_email, by_chat in NoticePreference.objects.filter(
            user__in=people, kind=kind
        ).values_list("user_id", "in_portal", "by_email", "by_chat")
    }
    return {
        pk: replace(found, by_chat=found.by_chat and pk in with_chat)
        for pk, found in ((pk, chosen.get(pk, Ways())) for pk in people)
    }


def own_notice_choices(person: User) -> list[tuple[NoticeKind, Ways]]:
    """Every kind of notice with what this person chose, by label."""
    chosen = {
        each.kind: Ways(each.in_portal, each.by_email, each.by_chat)
        for each in NoticePreference.objects.filter(user=person)
    }
    return [
        (kind, chosen.get(kind.key, Ways()))
        for kind in sorted(notice_kinds, key=lambda each: each.label)
    ]


def own_digest_setting(person: User) -> DigestSetting:
    """When this person's digests come; an unsaved row with the defaults when they chose nothing."""
    return DigestSetting.objects.filter(user=person).first() or DigestSetting(user=person)
