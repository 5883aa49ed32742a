"""Writing what a person wants to be told, and when. Everybody their own."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from portal.models import DigestSetting, NoticePreference, User
from portal.notice_kinds import notice_kinds
from portal.selectors.notice_settings import Ways
from portal.services.chats import forget_chat_address, keep_chat_address


def save_notice_settings(
    *,
    user: User,
    ways: Mapping[str, Ways],
    time_zone: str,
    hour: int,
    weekday: int,
    chat_address: str = "",
    forget_chat: bool = False,
) -> DigestSetting:
    """Keep the choices of this person; kinds that are not named stay as they are.

    Args:
        time_zone: an IANA name; hours and days of digests are cut there.
        hour: 0 to 23.
        weekday: of the weekly digest; Monday is 0.
        chat_address: of a chat's incoming webhook, sealed and never shown again; empty keeps the
            one there is, unless `forget_chat`.

    Raises:
        ValidationError: an unknown kind or zone, an hour or day that does not exist, an address
            that cannot be used.
    """
    if time_zone not in available_timezones():
        raise ValidationError({"time_zone": f"There is no time zone “{time_zone}”."})
    if not 0 <= hour <= 23:
        raise ValidationError({"hour": "Choose an hour from 0 to 23."})
    if not 0 <= weekday <= 6:
        raise ValidationError({"weekday": "Choose a day of the week."})
    for kind in ways:
        notice_kinds.get(kind)
    with transaction.atomic():
        for kind, way in sorted(ways.items()):
            is_required = notice_kinds.get(kind).is_required
            NoticePreference.objects.update_or_create(
                user=user, kind=kind,
                defaults={
                    "in_portal": way.in_portal or is_required, "by_email": way.by_email,
                    "by_chat": way.by_chat,
                },
            )  # fmt: skip
        setting, _ = DigestSetting.objects.update_or_create(
            user=user, defaults={"time_zone": time_zone, "hour": hour, "weekday": weekday}
        )
        if forget_chat:
            forget_chat_address(setting)
        if chat_address.strip():
            keep_chat_address(setting, chat_address.strip())
    return setting
