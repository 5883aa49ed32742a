"""The source of LiteLLM: spend logs, or daily activity; never both in one connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from billing.sources.lines import BadValueError, canonical
from billing.sources.litellm import normaliser
from billing.sources.litellm.client import ACTIVITY, CONTENT, LOGS, names_of
from billing.sources.litellm.config import LiteLLMConfig
from billing.sources.pages import Page, RowReader, read_pages
from billing.sources.quantities import text_of
from billing.sources.saved_pages import SavedPages
from portal.imports.contracts import NOTHING_THERE, Batch, LandedFile, Note, ReadOptions
from portal.wording import counted


class LiteLLMSource:
    """Reads answers of a LiteLLM proxy. `docs/sources/litellm.md` says what is taken."""

    key = "litellm"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield estimates in US dollars, and quantities by day, model, key and team.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        reading = _Reading(options)
        for page in read_pages(files, options.limits):
            records = tuple(reading.take(page))
            yield Batch(records, reading.rows.take_rejections())
        reading.saved.check()
        yield Batch(reading.sums.take(), (), tuple(reading.notes()))


class _Reading:
    """What one input has brought so far."""

    def __init__(self, options: ReadOptions) -> None:
        self.config = LiteLLMConfig.model_validate(options.config)
        self.rows = RowReader(options)
        self.sums = normaliser.Quantities()
        self.saved = SavedPages("call")
        self._seen: dict[str, int] = {}
        self._pages: set[int] = set()
        self._owner = ""
        self._repeated = 0
        self._has_lines = False
        self._tag_rows = 0

    def take(self, page: Page) -> Iterator[Any]:
        """The cost lines of a page."""
        kind, rows = _kind_and_rows(page)
        if kind == ACTIVITY and rows:
            self._once(page)
        if kind != self.config.dataset:
            raise page.refuse(
                "other_dataset",
                f"this is {kind.replace('_', ' ')}, and the connection takes "
                f"{self.config.dataset.replace('_', ' ')}: they are the same money",
                expected="another connection, or another setting of this one",
            )
        self._note_paging(kind, page, rows)
        if kind == LOGS:
            records = self.rows.records(page, rows, lambda row: self._call(row, page))
        else:
            records = self.rows.records(page, rows, lambda row: self._day(row, page))
        for record in records:
            self._has_lines = True
            yield record

    def _note_paging(self, kind: str, page: Page, rows: list[Any]) -> None:
        if not isinstance(page.body, dict):
            return
        about = page.body.get("metadata")
        if kind == LOGS:
            self.saved.count(page, kind, page.body.get("total"), names_of(rows))
        elif isinstance(about, dict):
            last, has_more = about.get("total_pages"), about.get("has_more")
            self.saved.number(page, kind, about.get("page"), last=last, has_more=has_more)

    def _call(self, row: dict[str, Any], page: Page) -> Iterable[Any]:
        if any(row.get(name) not in (None, "", {}, [], "{}", "[]") for name in CONTENT):
            raise page.refuse(
                "prompt_content",
                "the file holds what was said to a model, which this portal does not keep",
                field=", ".join(CONTENT),
                expected="the same export without it",
            )
        name = text_of(row, "request_id")
        if not name:
            raise BadValueError("request_id", "", "missing_value", "the call's id", fatal=True)
        # Ends of a range are inclusive, so a call on the edge comes with both neighbours.
        text = hash(canonical(row))
        before = self._seen.get(name)
        if before is not None:
            if before != text:
                raise BadValueError("request_id", name, "call_twice", "one row for a call")
            self._repeated += 1
            return ()
        made = normaliser.charge_of_call(row, page, self.config, self.sums)
        self._seen[name] = text
        return [made]

    def _day(self, row: dict[str, Any], page: Page) -> Iterable[Any]:
        if "tag" in row:
            self._tag_rows += 1
            return ()
        if "breakdown" in row:
            days = normaliser.rows_of_day(row)
        else:
            days = [row]
            self._one_owner(row, page)
        sums = normaliser.Quantities()  # of this row alone: its costs are taken whole or not at all
        for each in days:
            normaliser.charge_of_day(each, page, self.config, sums)
        return [normaliser.charge_of_day(each, page, self.config, self.sums) for each in days]

    def _once(self, page: Page) -> None:
        """Days may be spread over pages, so only a whole page that comes again is known as such."""
        text = hash(canonical({"body": page.body}))
        if text in self._pages:
            raise page.refuse("page_twice", "this page stands in the input twice")
        self._pages.add(text)

    def _one_owner(self, row: dict[str, Any], page: Page) -> None:
        """The tables by user and by team are the same spend."""
        owner = "user" if "user_id" in row else "team"
        if self._owner not in ("", owner):
            raise page.refuse(
                "two_tables",
                "daily spend by user and by team is the same spend twice",
                expected="one of the tables",
            )
        self._owner = owner

    def notes(self) -> Iterator[Note]:
        """What a person should know."""
        if self._tag_rows:
            yield Note(
                "rows_of_tags",
                f"{counted(self._tag_rows, 'row')} by tag left out: a call counts once for "
                "each tag.",
            )
        if left_out := self.sums.left_out():
            yield Note("quantities_left_out", left_out)
        if not self._has_lines:
            yield Note(NOTHING_THERE, "The proxy has no spend of these days.")
        if self._repeated:
            yield Note(
                "calls_repeated", f"{counted(self._repeated, 'call')} came twice: counted once."
            )


def _kind_and_rows(page: Page) -> tuple[str, list[Any]]:
    body = page.body
    if isinstance(body, dict):
        if isinstance(body.get("data"), list):
            body = body["data"]
        elif isinstance(body.get("results"), list):
            return ACTIVITY, body["results"]
        elif "request_id" in body or "date" in body:
            body = [body]
    if isinstance(body, list):
        first = next((row for row in body if isinstance(row, dict)), {})
        is_activity = "date" in first or (not first and page.endpoint == ACTIVITY)
        return (ACTIVITY if is_activity else LOGS), body
    raise page.refuse(
        "unknown_answer",
        "this is no answer that the source knows",
        expected="the answer of /spend/logs/v2 or /user/daily/activity",
    )
