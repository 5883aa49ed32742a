"""Who belongs to which team, as a CSV file says it. Pure.

Columns: `team` and `person` (user name or e-mail), and if wanted `below` (the team above),
`starts_on` and `ends_on` (`YYYY-MM-DD`; half-open). A row without a person names a team alone.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable
from typing import NamedTuple

COLUMNS = ("team", "below", "person", "starts_on", "ends_on")
NEEDED = ("team", "person")
MOST_ROWS = 100_000
_LONGEST = {"team": 120, "below": 120, "person": 254}


class SaidMember(NamedTuple):
    """One row: somebody in a team. Days None: from the day of the import, without an end."""

    line: int
    team: str
    person: str
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None


class SaidTeam(NamedTuple):
    """A team and the one above it; None: the list does not say."""

    line: int
    name: str
    below: str | None


class Problem(NamedTuple):
    """Why a row cannot be taken."""

    line: int
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: expected {self.expected}, found {self.value!r}"


class TeamList(NamedTuple):
    """What a list says, whole, with everything that is wrong with it."""

    teams: tuple[SaidTeam, ...] = ()
    members: tuple[SaidMember, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_team_file(data: bytes) -> TeamList:
    """Read a CSV file. Whatever is wrong is a problem of the result, never an exception."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return TeamList(problems=(Problem(1, "file", f"byte {error.start + 1}", "text in UTF-8"),))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        return _read_rows(list(reader))
    except csv.Error as error:
        problem = Problem(reader.line_num, "file", str(error), "CSV with quotes that are closed")
        return TeamList(problems=(problem,))


def _delimiter(text: str) -> str:
    """Comma, or the semicolon that spreadsheets write in many countries."""
    head = text.partition("\n")[0]
    return ";" if head.count(";") > head.count(",") else ","


def _read_rows(rows: list[list[str]]) -> TeamList:
    if not rows:
        return TeamList(problems=(Problem(1, "file", "", "a heading and at least one row"),))
    heading = [name.strip().lower() for name in rows[0]]
    problems = [
        Problem(1, name, "", "this column; it must not be missing")
        for name in NEEDED
        if name not in heading
    ]
    for name in heading:
        if name not in COLUMNS or heading.count(name) > 1:
            problems.append(Problem(1, "heading", name, f"each once of {', '.join(COLUMNS)}"))
    if len(rows) > MOST_ROWS:
        problems.append(Problem(MOST_ROWS, "file", str(len(rows)), f"at most {MOST_ROWS:,} rows"))
    if problems:
        return TeamList(problems=tuple(problems))
    found: list[SaidMember] = []
    teams: dict[str, SaidTeam] = {}
    for line, cells in enumerate(rows[1:], 2):  # a cell that holds line breaks counts as one line
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heading):
            expected = f"{len(heading)} cells, as in the heading"
            problems.append(Problem(line, "row", f"{len(cells)} cells", expected))
            continue
        row = dict(zip(heading, (cell.strip() for cell in cells), strict=True))
        problems += _read_row(line, row, teams, found)
    problems += _twice(found)
    if not teams and not problems:
        problems.append(Problem(2, "file", "", "at least one row"))
    return TeamList(tuple(teams.values()), tuple(found), tuple(problems))


def _read_row(
    line: int, row: dict[str, str], teams: dict[str, SaidTeam], found: list[SaidMember]
) -> list[Problem]:
    problems = [
        Problem(line, name, row[name][:60], f"at most {most} characters")
        for name, most in _LONGEST.items()
        if len(row.get(name, "")) > most
    ]
    team = row["team"]
    if not team:
        problems.append(Problem(line, "team", "", "the name of a team"))
    days: dict[str, dt.date | None] = {}
    for name in ("starts_on", "ends_on"):
        text = row.get(name, "")
        try:
            days[name] = dt.datetime.strptime(text, "%Y-%m-%d").date() if text else None  # noqa: DTZ007
        except ValueError:
            problems.append(Problem(line, name, text[:40], "a day as YYYY-MM-DD"))
    start, end = days.get("starts_on"), days.get("ends_on")
    if start and end and end <= start:
        problems.append(Problem(line, "ends_on", end.isoformat(), "a day after starts_on"))
    below = row.get("below") or None
    known = teams.get(team.casefold())
    if known and below and known.below and known.below.casefold() != below.casefold():
        expected = f"“{known.below}”, as in line {known.line}"
        problems.append(Problem(line, "below", below, expected))
    if problems:
        return problems
    if known is None or (below and not known.below):
        teams[team.casefold()] = SaidTeam(line, team, below)
    if row["person"]:
        found.append(SaidMember(line, team, row["person"], start, end))
    return []


def _twice(members: Iterable[SaidMember]) -> list[Problem]:
    """Somebody in the same team in two rows whose days overlap."""
    seen: dict[tuple[str, str], list[SaidMember]] = {}
    problems = []
    for each in members:
        before = seen.setdefault((each.team.casefold(), each.person.casefold()), [])
        for other in before:
            if _overlap(each, other):
                expected = f"other days than line {other.line} has for this team"
                problems.append(Problem(each.line, "person", each.person, expected))
                break
        before.append(each)
    return problems


def _overlap(one: SaidMember, other: SaidMember) -> bool:
    first, last = dt.date.min, dt.date.max
    return (one.starts_on or first) < (other.ends_on or last) and (other.starts_on or first) < (
        one.ends_on or last
    )
