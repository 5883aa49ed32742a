"""Which objects of a bucket hold cost and usage, and which of them make up a month together.

A month is an input, because an exporter writes rows of one day into several objects and late ones
into those of later days: what replaces a day must have all of it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NoReturn

from billing.sources.lines import day_can_be_meant
from billing.sources.objects import StoredObject
from portal.imports.contracts import ImportRefusedError

ENDINGS = (".csv", ".csv.gz", ".parquet")
# Written beside the data by exporters and by tools that copy: never read, and not worth a word.
_BESIDE = re.compile(
    r"(?:^|/)(?:[^/]*manifest[^/]*\.json|[^/]*metadata[^/]*|_[^/]*|\.[^/]*|[^/]*\.(?:md5|sha256|crc))$"
    r"|/$",
    re.IGNORECASE,
)
_MANIFEST = re.compile(r"manifest[^/]*\.json$", re.IGNORECASE)
_PLACES = tuple(
    re.compile(rf"(?:^|/){pattern}(?=/)", re.ASCII)
    for pattern in (
        r"(?P<start>\d{8})-(?P<end>\d{8})",
        r"(?:[A-Za-z_]+=)?(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
        r"(?:[A-Za-z_]+=)?(?P<year>\d{4})-(?P<month>\d{2})",
        r"(?:year=)?(?P<year>\d{4})/(?:month=)?(?P<month>\d{1,2})(?:/(?:day=)?(?P<day>\d{1,2}))?",
    )
)
_IN_NAME = re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?(?![\d-])")
_HOUR = re.compile(r"(?:hour=)?\d{2}", re.ASCII)
_RUN_TIME = re.compile(r"(\d{8})T?(\d{4})(\d{2})?Z?(?:$|[^\d])", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DatedObject:
    """A data object with what its key says.

    Attributes:
        month: first day of the month that it names; None when it names none.
        day: the day that it names, when it names one.
        before: what stands before the date: where the export lies.
        after: the folders between the date and the name: a run, an hour, or nothing.
        in_name: whether the date stands in the name of the file.
    """

    stored: StoredObject
    month: date | None = None
    day: date | None = None
    before: str = ""
    after: str = ""
    in_name: bool = False

    @property
    def said(self) -> str:
        """The date as text: `2026-09-14`, `2026-09` or nothing."""
        if self.day is not None:
            return f"{self.day}"
        return "" if self.month is None else f"{self.month:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Unit:
    """The objects that are one input: those of a month, or the only object that names no date.

    `objects` stand newest first: of a day that names its hours, the last hour comes first.
    """

    month: date | None
    objects: tuple[DatedObject, ...]

    @property
    def name(self) -> str:
        """`2026-09`, or `all` for an object that names no date."""
        return "all" if self.month is None else f"{self.month:%Y-%m}"

    @property
    def is_daily(self) -> bool:
        """Whether the objects name days."""
        return any(each.day is not None for each in self.objects)


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing, sorted out: what may be read, manifests beside it, and what is of another kind."""

    data: tuple[DatedObject, ...]
    manifests: tuple[StoredObject, ...]
    ignored: tuple[str, ...]


def sort_out(listed: Iterable[StoredObject]) -> Listed:
    """Data objects, manifests, and the keys of whatever else is there."""
    data, manifests, ignored = [], [], []
    for stored in sorted(listed, key=lambda each: each.key):
        if _MANIFEST.search(stored.key):
            manifests.append(stored)
        elif _BESIDE.search(stored.key):
            continue
        elif stored.key.lower().endswith(ENDINGS):
            data.append(dated(stored))
        else:
            ignored.append(stored.key)
    return Listed(tuple(data), tuple(manifests), tuple(ignored))


def dated(stored: StoredObject) -> DatedObject:
    """An object with the date that its key names: the first folder that is one, else its name."""
    folder, _, name = stored.key.rpartition("/")
    found = [match for each in _PLACES if (match := each.search(f"{folder}/"))]
    for match in sorted(found, key=lambda each: (each.start(), -each.end())):
        if (days := _days_of(match.groupdict())) is not None:
            before, after = folder[: match.start()], folder[match.end() :].strip("/")
            return DatedObject(stored, *days, before, after)
    named = _IN_NAME.search(name)
    if named is not None and (days := _days_of(named.groupdict())) is not None:
        return DatedObject(stored, *days, before=folder, in_name=True)
    return DatedObject(stored, before=folder)


def _days_of(parts: dict[str, str | None]) -> tuple[date, date | None] | None:
    """Month and day; None when the digits are no date that can be meant, or no whole month."""
    try:
        if parts.get("start"):
            start, end = (date.fromisoformat(parts[key] or "") for key in ("start", "end"))
            if not day_can_be_meant(start):
                return None
            last = monthrange(start.year, start.month)[1]
            is_month = start.day == 1 and end in (start.replace(day=last), _after(start))
            return (start, None) if is_month else None
        month = date(int(parts["year"] or 0), int(parts["month"] or 0), 1)
        if not day_can_be_meant(month):
            return None
        return month, month.replace(day=int(day)) if (day := parts.get("day")) else None
    except ValueError:
        return None


def _after(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + 4 * _DAY).replace(day=1)


def months_of(
    data: Sequence[DatedObject], *, late_days: int, first_month: date | None
) -> list[Unit]:
    """The months to read, oldest first. Of runs of one month all objects are there: see `newest`.

    Args:
        late_days: how many days of the next month may hold rows of the month before.
        first_month: months before it are left out.

    Raises:
        ImportRefusedError: the objects lie in a way in which rows would be counted twice, or days
            be replaced by a part of them.
    """
    if not data:
        return []
    refuse_layout(data)
    if data[0].month is None:
        return [Unit(None, tuple(data))]
    by_month: dict[date, list[DatedObject]] = {}
    for each in data:
        if each.month is not None:
            by_month.setdefault(each.month, []).append(each)
    units = []
    for month, found in sorted(by_month.items()):
        if first_month is not None and month < first_month:
            continue
        late = [
            each
            for each in by_month.get(_after(month), ())
            if each.day is not None and each.day.day <= late_days
        ]
        units.append(Unit(month, tuple(_newest_first([*found, *late]))))
    return units


def _newest_first(objects: Iterable[DatedObject]) -> list[DatedObject]:
    return sorted(objects, key=lambda each: (each.said, each.stored.key), reverse=True)


def refuse_layout(data: Sequence[DatedObject]) -> None:
    """See that objects lie in one of the ways that `docs/sources/focus.md` names.

    Raises:
        ImportRefusedError: they do not; the message names two of them where there are two.
    """
    first = data[0]
    for each in data[1:]:
        if (each.month is None) != (first.month is None) or each.month is None:
            _refuse(each, first, "undated_object", "an object names no month or day, and it is not "
                    "the only one: whether it repeats another cannot be seen")  # fmt: skip
        if (each.day is None) != (first.day is None):
            _refuse(
                each, first, "two_layouts", "objects of months and of days lie below one prefix"
            )
        if each.before != first.before:
            _refuse(each, first, "two_exports", "two exports lie below one prefix")
    alone: dict[tuple[str, str], DatedObject] = {}
    for each in data:
        if each.day is not None and each.after and not _HOUR.fullmatch(each.after):
            _refuse(each, first, "unknown_layout", "an object lies in a folder below that of its "
                    "day, and whether it repeats others cannot be seen")  # fmt: skip
        other = alone.setdefault((each.before, each.said), each) if each.in_name else each
        if other is not each:
            _refuse(each, other, "several_objects", f"two objects are called by {each.said}, and "
                    "whether they are parts or repeat one another cannot be seen")  # fmt: skip


def _refuse(each: DatedObject, other: DatedObject, code: str, problem: str) -> NoReturn:
    raise ImportRefusedError(
        code,
        f"{problem}, so nothing is read",
        file=each.stored.key,
        value=None if other is each else other.stored.key,
        expected="the prefix of one export, with a folder for each month or each day",
    )


# --- runs of one month ------------------------------------------------------------------------


def runs_of(unit: Unit) -> dict[str, list[DatedObject]]:
    """The objects of a month by the folder of their run; one that is empty where there is none."""
    runs: dict[str, list[DatedObject]] = {}
    for each in unit.objects:
        runs.setdefault(each.after if each.day is None else "", []).append(each)
    return runs


def run_time(folder: str) -> str:
    """When a run was, by the beginning of its folder's name, as digits that sort; or nothing."""
    found = _RUN_TIME.match(folder)
    return f"{found[1]}{found[2]}{found[3] or '00'}" if found else ""


def refuse_runs(unit: Unit, one: str, other: str) -> NoReturn:
    """Say that nobody knows which of two runs of a month is the newer.

    Raises:
        ImportRefusedError: always.
    """
    runs = runs_of(unit)
    raise ImportRefusedError(
        "two_runs",
        f"there are several runs of {unit.name}, and nothing says which is newer",
        file=runs[one][0].stored.key,
        value=runs[other][0].stored.key,
        expected="an export that overwrites, folders that begin with the time of the run, or a "
        "manifest with its submittedTime in each",
    )
