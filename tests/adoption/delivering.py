"""A service that delivers, as programs tell it through the real ingest."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from adoption.models import Service
from adoption.services.ingest import ingest
from portal.models import Connection
from tests.adoption.sending import make_connection, place_all

BEGINS = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)  # a Monday
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


class Delivering:
    """One service of one repository, both of the same name."""

    def __init__(
        self, name: str = "shop", connection: Connection | None = None, *, people: int = 6
    ) -> None:
        self.people = people
        self.name = name
        self.connection = connection or make_connection("generic", "own")
        self.repository = f"git.example/acme/{name}"
        self.items: dict[str, list[dict[str, Any]]] = {
            "changes": [], "deployments": [], "incidents": [],
        }  # fmt: skip

    def sha(self, number: int | str) -> str:
        return hashlib.sha256(f"{self.name}{number}".encode()).hexdigest()[:40]

    def change(self, number: int, at: dt.datetime, **more: Any) -> None:
        """A pull request, merged an hour before `at` and begun a day before, by one of six."""
        self.items["changes"].append({
            "external_id": str(number), "repository": self.repository, "title": f"Change {number}",
            "state": "merged", "merged_at": (at - HOUR).isoformat(),
            "first_commit_at": (at - DAY).isoformat(), "merge_sha": self.sha(number),
            "paths": ["src/app.py"], "additions": 3, "deletions": 1,
            "author": {"login": f"person-{number % self.people}"}, **more,
        })  # fmt: skip

    def deploy(self, name: str, at: dt.datetime, *numbers: int, **more: Any) -> None:
        """A production deployment of these pull requests."""
        self.items["deployments"].append({
            "external_id": f"{self.name}-{name}", "repository": self.repository,
            "environment": "prod-eu", "status": "succeeded", "version": name,
            "sha": self.sha(numbers[0] if numbers else name), "finished_at": at.isoformat(),
            "included": [str(number) for number in numbers], **more,
        })  # fmt: skip

    def incident(self, name: str, at: dt.datetime, **more: Any) -> None:
        self.items["incidents"].append({
            "external_id": f"{self.name}-{name}", "service": self.repository,
            "opened_at": at.isoformat(), "severity": "high", "human_actioned": True, **more,
        })  # fmt: skip

    def daily(self, days: int, start: int = 1) -> None:
        """One change and one deployment a day, after a baseline on the first day."""
        if start == 1:
            self.deploy("baseline", BEGINS)
        for day in range(start, start + days):
            self.change(day, BEGINS + day * DAY)
            self.deploy(f"v{day}", BEGINS + day * DAY, day)

    def send(self) -> Service:
        """Tell everything at once and have it placed."""
        for noun, items in self.items.items():
            for first in range(0, len(items), 500):
                found = ingest(
                    connection=self.connection,
                    noun=noun,
                    items=items[first : first + 500],
                    actor=None,
                    at=NOW,
                )
                assert all(each.status != "rejected" for each in found), found
            items.clear()
        place_all()
        return Service.objects.get(key=self.repository)
