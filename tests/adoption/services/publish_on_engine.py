"""A process of its own: one story through the real ingest, fill and approval, then its snapshot.

`python -m tests.adoption.services.publish_on_engine FILE` on the database of the environment, which
must be empty. The same story gives the same bytes on every engine.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import django
from django.core.management import call_command


def main(target: Path) -> None:
    """Migrate, tell the story, publish, and write the signed file."""
    django.setup()
    call_command("migrate", verbosity=0)
    from adoption.selectors.snapshots import file_of
    from adoption.services.snapshots import publish_snapshot
    from tests.adoption.delivering import NOW

    _tell_the_story()
    target.write_bytes(file_of(publish_snapshot(at=NOW).snapshot))


def _tell_the_story() -> None:
    from adoption.services.metric_filling import fill_metrics
    from tests.adoption.delivering import BEGINS, DAY, HOUR, NOW, Delivering
    from tests.adoption.factories import make_programme

    make_programme(name="Näch & Söhne", starts_on=dt.date(2026, 1, 1))
    shop = Delivering(people=12)  # a snapshot tells of ten or more people only
    shop.daily(150)
    for day in range(10, 140, 13):
        opened = BEGINS + day * DAY
        shop.incident(
            f"i{day}",
            opened,
            caused_by_deployment=f"shop-v{day}",
            resolved_at=(opened + day * HOUR / 7).isoformat(),
        )
    shop.send()
    fill_metrics(at=NOW)
    _approve_everything(NOW)


def _approve_everything(at: dt.datetime) -> None:
    from adoption.choices import StandingStatus
    from adoption.models import MetricVersion
    from adoption.services.metric_standings import open_standing
    from portal.choices import Role
    from tests.adoption.factories import make_user
    from tests.adoption.metrics.windowed import approve_standing

    lead = make_user(Role.PROGRAMME_LEAD, name="Lea Lead")
    for version in MetricVersion.objects.filter(values__isnull=False).distinct().order_by("key"):
        standing = open_standing(
            key=version.key, version=version.version, scope_id=0, owner=lead, actor=lead, at=at
        )
        approve_standing(standing, StandingStatus.CERTIFIED, at=at)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
