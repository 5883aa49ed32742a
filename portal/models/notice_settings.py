"""Which notices a person wants, by which way, and when digests come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.choices import Cadence


class NoticePreference(models.Model):
    """A person's choice about one kind of notice. Without a row it is told in every way.

    `by_chat` means something only for kinds that go to chats, and with an address.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_preferences"
    )
    kind = models.CharField(max_length=80)
    in_portal = models.BooleanField(default=True)
    by_email = models.BooleanField(default=True)
    by_chat = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="portal_noticepreference_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class DigestSetting(models.Model):
    """When digests come: an hour and, for the weekly one, a day, in the person's own zone.

    The address of a chat's incoming webhook is a secret and kept sealed; `chat_host` says where it
    leads, `chat_problem` what went wrong with the latest attempt.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digest_setting"
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    hour = models.PositiveSmallIntegerField(default=8)
    weekday = models.PositiveSmallIntegerField(default=0)  # Monday is 0
    chat_host = models.CharField(max_length=253, blank=True)
    chat_key_number = models.PositiveIntegerField(default=0)
    chat_ciphertext = models.TextField(blank=True)
    chat_problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(hour__lte=23), name="portal_digestsetting_hour"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="portal_digestsetting_day"),
        ]

    def __str__(self) -> str:
        return f"digests of {self.user_id} at {self.hour}"


class DigestSlot(models.Model):
    """One digest of one person: made once, however many schedulers look.

    `slot_on` is the day on which it was due in the person's zone; `since` up to, not with, `until`
    is what it covers. `lines` is how many lines it had: with none, nobody was told anything.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digest_slots"
    )
    cadence = models.CharField(max_length=8, choices=Cadence)
    slot_on = models.DateField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    lines = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "cadence", "slot_on"], name="portal_digestslot_once"
            ),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("since")), name="portal_digestslot_half_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cadence} digest of {self.user_id} on {self.slot_on}"
