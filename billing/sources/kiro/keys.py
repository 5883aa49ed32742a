"""Where reports lie in a bucket, and how a fetched report keeps saying where it lay."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.sources.objects import StoredObject

ROOT = "AWSLogs"
# Other folders beside these hold prompts and answers; they are never asked for.
_KEY = re.compile(
    rf"(?:^|/){ROOT}/(?P<account>\d{{12}})"
    r"/(?:KiroLogs/user_report|(?:KiroLogs|QDeveloperLogs)/by_user_analytic)"
    r"/(?P<region>[a-z0-9-]{1,40})/(?P<day>\d{4}/\d{2}/\d{2})/(?:\d{2}/)?"
    r"(?P<name>[ -.0-~]{1,120}\.csv(?:\.gz)?)$",
    re.ASCII,
)
_LANDED = re.compile(r"\d{4}-\d{2}-\d{2} [0-9a-f]{16} (\d{12}) ([a-z0-9-]+) ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """What the key of a report says. `day` is that of its folder, `name` the end of the key."""

    account: str
    region: str
    day: date
    name: str


def place_of(key: str) -> Place | None:
    """Where a report lies; None when the key is not one of a report."""
    found = _KEY.search(key)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["day"].replace("/", "-"))
    except ValueError:
        return None
    return Place(found["account"], found["region"], day, found["name"])


def listed_below(prefix: str) -> str:
    """What to list: everything below the folder of the layout, or below a part of it."""
    inside = ROOT in prefix.split("/")
    return f"{prefix}/" if inside else f"{prefix}/{ROOT}/".lstrip("/")


def by_day(listed: Iterable[StoredObject]) -> dict[date, list[StoredObject]]:
    """The reports of a listing by the day of their folder: oldest day first, each in the order of
    its keys, whatever the order of the listing."""
    days: dict[date, list[StoredObject]] = {}
    for stored in sorted(listed, key=lambda each: each.key):
        if place := place_of(stored.key):
            days.setdefault(place.day, []).append(stored)
    return dict(sorted(days.items()))


def landed_names(found: Sequence[StoredObject]) -> list[str]:
    """How the reports of one day are called here, in their order.

    Every name has the day's version in it, which changes when any of its objects was written,
    came or went: so one name stands for the whole input. An object that was written with what it
    held before is another version too, or a bucket that goes back to an earlier state would be
    taken for known.
    """
    lines = [f"{each.key}\t{each.etag}\t{each.modified.isoformat()}" for each in found]
    version = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    places = [place for each in found if (place := place_of(each.key))]
    return [f"{each.day} {version} {each.account} {each.region} {each.name}" for each in places]


def origin_of(name: str) -> tuple[str, str]:
    """Account and region that the name of a fetched report says; empty for any other name."""
    found = _LANDED.match(name)
    return (found[1], found[2]) if found else ("", "")
