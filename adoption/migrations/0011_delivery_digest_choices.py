"""What people chose about the digest of suggestions becomes what they chose about digests."""

from __future__ import annotations

from typing import Any

from django.db import migrations

DAILY = "portal.daily_digest"


def carry_over(apps: Any, _schema: Any) -> None:
    """Chat and hour follow. Who has chosen an hour for digests already keeps that one. The hour was
    of the programme's zone, which is the zone of the newest suggestion's programme."""
    choices = apps.get_model("adoption", "DigestChoice").objects.order_by("pk")
    settings = apps.get_model("portal", "DigestSetting").objects
    preferences = apps.get_model("portal", "NoticePreference").objects
    suggestions = apps.get_model("adoption", "Suggestion").objects
    for choice in choices.iterator(chunk_size=500):
        newest = suggestions.filter(user_id=choice.user_id).order_by("-pk")
        zone = newest.values_list("use_case__programme__time_zone", flat=True).first() or "UTC"
        setting, _ = settings.get_or_create(
            user_id=choice.user_id, defaults={"hour": choice.hour, "time_zone": zone}
        )
        # The sealed address names its person only, so it opens there as it did here.
        setting.chat_host, setting.chat_problem = choice.chat_host, choice.chat_problem
        setting.chat_key_number = choice.chat_key_number
        setting.chat_ciphertext = choice.chat_ciphertext
        setting.save()
        if not choice.by_email:
            preferences.get_or_create(
                user_id=choice.user_id, kind=DAILY,
                defaults={"in_portal": False, "by_email": False, "by_chat": True},
            )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("adoption", "0010_steps_of_changes"),
        ("portal", "0010_delivery_chat_of_digests"),
    ]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop, elidable=True)]
