"""Telling people: a notice in the portal, once an occasion, and a letter where that is set up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction

from portal.models import Notice, User
from portal.notice_kinds import kind_of
from portal.selectors.notice_settings import ways_of
from portal.services.work import enqueue
from portal.work.registry import Work

log = structlog.get_logger(__name__)
MAIL_KIND = "portal.mail-notice"
CHAT_KIND = "portal.chat-notice"


def notify(
    *, users: Iterable[User], key: str, title: str, text: str, link: str, at: datetime
) -> list[Notice]:
    """Tell each of these people once, in the caller's transaction and as its last write.

    Somebody who was told of `key` before, or has left, is not told again. Each is told by the ways
    that they chose for this kind of notice (`portal/notice_kinds.py`); who switched a kind off is
    noted as told. A letter is queued for those who have an e-mail address, where the portal sends
    any; a message to their chat for those who gave one, for kinds that go there.

    Args:
        key: names the occasion, `room.noun:…`, at most 200 characters.
        link: a path of this site.

    Returns:
        the notices that are new and not switched off.
    """
    told: list[Notice] = []
    people = sorted({user for user in users if user.is_active}, key=lambda each: each.pk)
    with transaction.atomic():
        ways = ways_of(people, kind_of(key))
        for user in people:
            chosen = ways[user.pk]
            notice = Notice(
                user=user, key=key, title=title[:200], text=text, link=link, created_at=at,
                is_hidden=not chosen.in_portal,
            )  # fmt: skip
            if _keep(notice) and not chosen.is_off:
                told.append(notice)
        for notice in told:
            if settings.SENDS_MAIL and notice.user.email and ways[notice.user_id].by_email:
                _queue(MAIL_KIND, notice, at)
            if ways[notice.user_id].by_chat:
                _queue(CHAT_KIND, notice, at)
    return told


def _queue(kind: str, notice: Notice, at: datetime) -> None:
    enqueue(kind=kind, key=f"notice:{notice.pk}", payload={"notice": notice.pk}, actor=None, at=at)


def _keep(notice: Notice) -> bool:
    """Write it down; False when the person was told before, perhaps by somebody faster."""
    try:
        with transaction.atomic():
            notice.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def mark_read(*, notices: Iterable[int], user: User, at: datetime) -> int:
    """Note that this person has read these of their own; returns how many were unread."""
    unread = Notice.objects.filter(pk__in=list(notices), user=user, read_at__isnull=True)
    return unread.update(read_at=at)


def mark_all_read(*, user: User, at: datetime) -> int:
    """Note that this person has read everything that there is by now; returns how many."""
    unread = Notice.objects.filter(user=user, read_at__isnull=True, created_at__lte=at)
    return unread.update(read_at=at)


def mail_notice(work: Work) -> None:
    """Send one letter; the body of the work kind.

    A worker that dies between the mail server's answer and the note of it sends the letter twice;
    both carry the same Message-ID, by which mail programs show them as one.
    """
    notice = Notice.objects.select_related("user").filter(pk=work.payload["notice"]).first()
    if notice is None or notice.emailed_at is not None or not notice.user.is_active:
        return
    if not notice.user.email:
        return
    letter = EmailMessage(
        subject=notice.title,
        body=f"{notice.text}\n\n{settings.SITE_ORIGIN}{notice.link}\n",
        to=[notice.user.email],
        headers={"Message-ID": f"<notice-{notice.pk}-{notice.created_at:%Y%m%d%H%M%S}@plumbline>"},
    )
    letter.send()
    with transaction.atomic():
        work.fence()
        Notice.objects.filter(pk=notice.pk).update(emailed_at=work.clock())
    log.info("notice_mailed", notice=notice.pk)
