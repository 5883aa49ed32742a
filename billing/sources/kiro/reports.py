"""Which report a file holds, whose it is, and which of several objects of a day is the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.sources.kiro.keys import origin_of
from billing.sources.lines import YEARS, BadValueError, day_start
from billing.sources.sheets import Sheet, SheetRow
from portal.imports.contracts import ImportRefusedError, LandedFile

ACTIVITY = (
    "Chat", "CodeFix", "CodeReview", "Dev", "DocGeneration", "InlineChat", "Inline",
    "TestGeneration", "Transformation",
)  # fmt: skip
PER_CLIENT = ("Date", "UserId", "Client_Type", "Credits_Used")
KNOWN = frozenset(
    (*PER_CLIENT, "Chat_Conversations", "Overage_Cap", "Overage_Credits_Used", "Overage_Enabled",
     "ProfileId", "Subscription_Tier", "Total_Messages", "New_User", "User_Email")
)  # fmt: skip
MODEL_MESSAGES = re.compile(r"([a-z0-9._]+)_messages", re.ASCII)
_ACTIVITY = re.compile(rf"(?:{'|'.join(ACTIVITY)})_\w+", re.ASCII)
_ACCOUNT = re.compile(r"(?:^|[_ ])(\d{12})_(?:user_report|by_user_analytic)", re.ASCII)
_WRITTEN = re.compile(r"_(?:user_report|by_user_analytic)_(\d{8,14})", re.ASCII)
_PART = re.compile(r"part_(\d+)", re.ASCII)
_DIRECTORY = re.compile(r"^d-[0-9a-z]{10}\.", re.ASCII)
_DAYS = ("%Y-%m-%d", "%m-%d-%Y", "%m/%d/%Y")


@dataclass(frozen=True, slots=True)
class Report:
    """One file with what its name says: account, region and when it was written, each empty when
    it does not."""

    sheet: Sheet
    is_per_client: bool
    account: str
    written: str
    region: str = ""

    @property
    def numbers(self) -> list[str]:
        """Columns of activity in a legacy report."""
        return [name for name in self.sheet.columns if _ACTIVITY.fullmatch(name)]

    @property
    def models(self) -> list[tuple[str, str]]:
        """Column and model of each column of messages by model."""
        found = []
        for name in self.sheet.columns:
            if name not in KNOWN and (match := MODEL_MESSAGES.fullmatch(name)):
                found.append((name, match[1]))
        return found

    @property
    def unknown(self) -> list[str]:
        """Columns that are not read."""
        known = {"UserId", "Date"} | (KNOWN if self.is_per_client else set(self.numbers))
        models = {name for name, _ in self.models} if self.is_per_client else set()
        return [name for name in self.sheet.columns if name not in known | models]


def report_of(sheet: Sheet, account: str) -> Report:
    """The report in a sheet.

    Raises:
        ImportRefusedError: it is neither of the two.
    """
    is_per_client = all(name in sheet.columns for name in PER_CLIENT)
    is_legacy = {"UserId", "Date"} <= set(sheet.columns) and any(
        _ACTIVITY.fullmatch(name) for name in sheet.columns
    )
    if not (is_per_client or is_legacy):
        missing = [name for name in PER_CLIENT if name not in sheet.columns]
        raise ImportRefusedError(
            "missing_columns", "this is no report of user activity", file=sheet.file.name, line=1,
            column=", ".join(missing),
            expected=f"{', '.join(PER_CLIENT)}; or UserId, Date and columns such as "
            "Chat_MessagesSent",
        )  # fmt: skip
    name = sheet.file.name
    in_name, written = _ACCOUNT.search(name), _WRITTEN.search(name)
    folder_account, region = origin_of(name)
    return Report(
        sheet,
        is_per_client,
        account or (in_name[1] if in_name else folder_account),
        written[1] if written else "",
        region,
    )


def check_parts(files: Iterable[LandedFile]) -> None:
    """A legacy report of many people comes in parts; half of it would replace the whole.

    Raises:
        ImportRefusedError: a part before the last one is missing.
    """
    parts: dict[str, set[int]] = {}
    for file in files:
        if match := _PART.search(file.name):
            parts.setdefault(_PART.sub("part", file.name), set()).add(int(match[1]))
    for found in parts.values():
        missing = sorted(set(range(1, max(found) + 1)) - found)
        if missing:
            raise ImportRefusedError(
                "parts_missing", f"part {missing[0]} of the report is missing",
                expected="all parts of a report in one import",
            )  # fmt: skip


def day_of(row: SheetRow) -> datetime:
    """The UTC day of a row; legacy files write the month first.

    Raises:
        BadValueError: it is none.
    """
    text = row.cells["Date"]
    for pattern in _DAYS:
        try:
            return day_start(text, "Date", pattern=pattern)
        except BadValueError:
            continue
    raise BadValueError("Date", text, "bad_date", f"a day {YEARS} such as 2026-09-01 or 09-01-2026")


def person_of(row: SheetRow) -> str:
    """The id of the row's user, without the directory that stands before it in some reports only.

    Raises:
        BadValueError: there is none.
    """
    text = row.cells["UserId"]
    person = _DIRECTORY.sub("", text)
    if not person:
        raise BadValueError("UserId", text, "missing_value", "the id of a user")
    return person


def newest_only(taken: Sequence[tuple[tuple[str, ...], str, SheetRow]]) -> list[SheetRow]:
    """Rows of the newest object of each scope, one for each natural key.

    Args:
        taken: natural key (scope first, person last), when the object was written, and row.

    Raises:
        ImportRefusedError: two objects that say nothing of their age differ about the same row.
    """
    newest: dict[tuple[str, ...], str] = {}
    for key, written, _ in taken:
        scope = key[:-1]
        newest[scope] = max(newest.get(scope, ""), written)
    kept: dict[tuple[str, ...], SheetRow] = {}
    for key, written, row in taken:
        if written != newest[key[:-1]]:
            continue
        known = kept.setdefault(key, row)
        if known is not row and _said(known) != _said(row):
            raise ImportRefusedError(
                "conflicting_rows",
                "two rows about the same day, person and client differ, and neither is newer",
                file=row.file.name, line=row.line, column="UserId",
                expected="one row each, or files whose names say when they were written",
            )  # fmt: skip
    return list(kept.values())


def _said(row: SheetRow) -> dict[str, str]:
    """What a row says, however it spells the id of its user."""
    return {**row.cells, "UserId": person_of(row)}
