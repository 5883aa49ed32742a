"""Telling each person their digests: once a day or week, at their hour, by the ways they chose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from django.db import IntegrityError, transaction

from portal.choices import Cadence
from portal.digests import DigestLine, DigestSection, digest_sections, sections_of
from portal.models import DigestSetting, DigestSlot, User
from portal.notice_kinds import DAILY_DIGEST, WEEKLY_DIGEST
from portal.selectors.notice_settings import ways_of
from portal.services.notices import notify
from portal.shell.formats import date_text

log = structlog.get_logger(__name__)
_KINDS = {Cadence.DAILY: DAILY_DIGEST, Cadence.WEEKLY: WEEKLY_DIGEST}
_LENGTH = {Cadence.DAILY: dt.timedelta(days=1), Cadence.WEEKLY: dt.timedelta(days=7)}
_KEPT = dt.timedelta(days=60)
_MOST_LINES = 20  # a section; the rest is counted


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that is due: the day in the person's zone, and its moment (UTC)."""

    slot_on: dt.date
    moment: dt.datetime


def due_slot(cadence: str, setting: DigestSetting, at: dt.datetime) -> Due | None:
    """The newest slot of this person that has come, or None before today's hour.

    A weekly digest that was missed comes later in its week; a daily one only on its day, because
    yesterday's is no news. Where clocks jump over the hour, it comes with the next one.
    """
    zone = ZoneInfo(setting.time_zone)
    today = at.astimezone(zone).date()
    back = 0 if cadence == Cadence.DAILY else (today.weekday() - setting.weekday) % 7
    slot_on = today - dt.timedelta(days=back)
    moment = _moment(slot_on, setting.hour, zone)
    if moment > at:
        if cadence == Cadence.DAILY:
            return None
        slot_on -= dt.timedelta(days=7)
        moment = _moment(slot_on, setting.hour, zone)
    return Due(slot_on, moment)


def _moment(day: dt.date, hour: int, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), tzinfo=zone).astimezone(dt.UTC)


def send_due_digests(*, at: dt.datetime) -> int:
    """Make every digest that is due and not made yet; returns how many people were told.

    Any number of schedulers may call it at once: whoever writes the slot first makes the digest.
    Once everybody's slot is written, a call costs a handful of queries.
    """
    told = 0
    people = list(User.objects.filter(is_active=True).order_by("pk"))
    settings = {each.user_id: each for each in DigestSetting.objects.all()}
    recent = DigestSlot.objects.filter(until__gt=at - dt.timedelta(days=9))
    made = set(recent.values_list("user_id", "cadence", "slot_on"))
    for cadence in Cadence:
        if not any(each.cadence == cadence for each in digest_sections):
            continue
        ways = ways_of(people, _KINDS[cadence].key)
        for user in people:
            setting = settings.get(user.pk) or DigestSetting(user=user)
            due = due_slot(cadence, setting, at)
            if due is None or ways[user.pk].is_off or user.date_joined > due.moment:
                continue
            if (user.pk, cadence, due.slot_on) in made:
                continue
            if _make(user, cadence, due, sections_of(cadence, user), at):
                told += 1
    DigestSlot.objects.filter(until__lt=at - _KEPT).delete()
    return told


def _make(
    user: User, cadence: Cadence, due: Due, sections: Iterable[DigestSection], at: dt.datetime
) -> bool:
    """Make one digest unless it was made; whether the person was told something."""
    known = DigestSlot.objects.filter(user=user, cadence=cadence)
    if known.filter(slot_on=due.slot_on).exists():
        return False
    since = _since(user, cadence, due)
    if since is None:
        return False
    try:
        with transaction.atomic():
            slot = DigestSlot.objects.create(
                user=user, cadence=cadence, slot_on=due.slot_on, since=since, until=due.moment,
                made_at=at,
            )  # fmt: skip
            parts = _parts(user, sections, since, due.moment)
            count = sum(len(part.lines) for part in parts)
            if count:
                slot.lines = count
                slot.save(update_fields=["lines"])
                for part in parts:
                    if part.section.told is not None and part.is_whole:
                        part.section.told(user, part.lines, at)
                notify(
                    users=[user],
                    key=f"{_KINDS[cadence].key}:{due.slot_on}",
                    title=_title(cadence, since, due),
                    text="\n\n".join(part.text() for part in parts),
                    link=_link(parts),
                    at=at,
                )
    except IntegrityError:
        if known.filter(slot_on=due.slot_on).exists():
            return False  # another worker was faster
        raise
    return bool(count)


def _link(parts: list[_Part]) -> str:
    """Where the only section is acted upon; the home page, where there are several."""
    return (parts[0].section.link if len(parts) == 1 else "") or "/"


def _since(user: User, cadence: Cadence, due: Due) -> dt.datetime | None:
    """Where the last digest ended, so that none is told twice or left out; None for no time.

    A longer absence is not caught up with: two periods at most.
    """
    length = _LENGTH[cadence]
    last = DigestSlot.objects.filter(user=user, cadence=cadence).order_by("-until").first()
    if last is None or last.until < due.moment - 2 * length:
        return due.moment - length
    # The person chose an earlier hour or day: what is told already is not told again.
    return last.until if last.until < due.moment else None


def _title(cadence: Cadence, since: dt.datetime, due: Due) -> str:
    if cadence == Cadence.DAILY:
        return f"Your day: {date_text(due.slot_on)}"
    return f"Your week: {date_text(since.date())} to {date_text(due.slot_on)}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A section of one digest; not whole when it failed and says so."""

    section: DigestSection
    lines: list[DigestLine]
    is_whole: bool = True

    def text(self) -> str:
        rest = len(self.lines) - _MOST_LINES
        shown = [f"- {line.text}" for line in self.lines[:_MOST_LINES]]
        more = [f"- and {rest} more"] if rest > 0 else []
        closing = [self.section.closing] if self.section.closing else []
        return "\n".join([self.section.title, *shown, *more, *closing])


def _parts(
    user: User, sections: Iterable[DigestSection], since: dt.datetime, until: dt.datetime
) -> list[_Part]:
    """The sections that have something to say.

    A section that fails is said to be missing: the others are not kept back by it.
    """
    parts: list[_Part] = []
    for section in sections:
        try:
            with transaction.atomic():
                part = _Part(section, list(section.build(user, since, until)))
        except Exception:
            log.exception("digest_section_failed", section=section.key)
            line = DigestLine("This part could not be made; an operator finds why in the log.")
            part = _Part(section, [line], is_whole=False)
        if part.lines:
            parts.append(part)
    return parts
