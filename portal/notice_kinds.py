"""The kinds of notices that people are told. Rooms register theirs in `AppConfig.ready()`.

The kind of a notice is what stands before the first colon of its key: `billing.budget:7:…` is of
kind `billing.budget`. Each person chooses for each kind whether to be told in the portal, by e-mail
and, for kinds that go there, by chat; what is not registered is told in the first two ways.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.checks import CheckMessage, Error

from portal.registry import Registry


@dataclass(frozen=True)
class NoticeKind:
    """One kind of notice.

    Attributes:
        key: what keys of its notices start with, `room.noun`.
        label: for people, in a few words.
        description: when it comes.
        is_required: whether it always stands in the portal; only the letter can be switched off.
        goes_to_chat: whether it is also sent to the chat of those who gave an address of one.
    """

    key: str
    label: str
    description: str
    is_required: bool = False
    goes_to_chat: bool = False


def _check(kind: NoticeKind) -> list[CheckMessage]:
    if ":" in kind.key or not kind.label or not kind.description:
        return [Error(f"notice kind {kind.key!r} needs a plain key and words", id="portal.E281")]
    return []


notice_kinds: Registry[NoticeKind] = Registry("notice kind", _check)
DAILY_DIGEST = notice_kinds.register(
    NoticeKind(
        "portal.daily_digest",
        "Daily digest",
        "Once a day at your hour, when there is something for you; nothing otherwise.",
        goes_to_chat=True,
    )
)
WEEKLY_DIGEST = notice_kinds.register(
    NoticeKind(
        "portal.weekly_digest",
        "Weekly digest",
        "Once a week on your day and at your hour, when there is something for you.",
        goes_to_chat=True,
    )
)


def kind_of(key: str) -> str:
    """The kind of a notice with this key."""
    return key.split(":", 1)[0]
