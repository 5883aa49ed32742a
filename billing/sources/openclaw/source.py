"""The OpenClaw source: what sessions of self-hosted agents used, and what they estimate it cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.lines import (
    BadValueError,
    CostLine,
    all_of,
    charge_record,
)
from billing.sources.openclaw.sessions import (
    Answer,
    SessionFile,
    session_name,
    without_content,
)
from billing.sources.pages import RowReader, read_pages
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.usage_rows import UsageRow, usage_record
from portal.imports.contracts import Batch, LandedFile, Note, ReadOptions
from portal.shell.money import EXACT

_DAY = timedelta(days=1)
_TOKENS = "tokens"
_SERVICE = "OpenClaw"


class OpenClawSource:
    """Reads session files; `docs/sources/openclaw.md` says which and what their amounts mean."""

    key = "openclaw"
    parser_version = "1"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the sums of all sessions, each answer once however often its file came.

        Raises:
            ImportRefusedError: a file is not lines of JSON.
        """
        reader = RowReader(options)
        answers = list(_once(_answers(files, options, reader), reader))
        yield Batch(rejections=reader.take_rejections())
        account = str(options.config.get("account") or "openclaw")
        with_directory = bool(options.config.get("repository_from_directory"))
        yield Batch(records=all_of(_charges(answers, account, with_directory)))
        yield Batch(records=all_of(_usage(answers, account)))
        yield Batch(notes=tuple(_notes(answers)))


def _notes(answers: list[Answer]) -> Iterator[Note]:
    """What a person should know."""
    if unpriced := sum(answer.cost is None for answer in answers):
        yield Note(
            "no_cost",
            f"{unpriced} of {len(answers)} answers state no cost: their tokens are "
            "counted, and their cost is not known",
        )
    if untimed := sum(not answer.is_timed for answer in answers):
        yield Note(
            "no_time",
            f"{untimed} of {len(answers)} answers state no time: they count on the day of the "
            "last line before them that does",
        )


def _answers(
    files: Iterable[LandedFile], options: ReadOptions, reader: RowReader
) -> Iterator[Answer]:
    current: SessionFile | None = None
    index = -1
    for page in read_pages(files, options.limits):
        if current is None or page.file.index != index:
            index, current = page.file.index, SessionFile(page.file.name)
        kept = without_content(page.body)
        try:
            entry = page.body if isinstance(page.body, Mapping) else {}
            if kept.get("type") == "message":
                entry = reader.mended(kept)
            yield from current.answers(page, entry)
        except BadValueError as error:
            reader.reject(page, kept, error)


def _once(answers: Iterable[Answer], reader: RowReader) -> Iterator[Answer]:
    """Each answer once: by its id, or without one by all it says and how often a file says it."""
    seen: dict[tuple[Any, ...], str] = {}
    repeats: Counter[tuple[int, str, str]] = Counter()
    for answer in answers:
        key: tuple[Any, ...] = (answer.session, answer.entry)
        if not answer.entry:
            said = f"{answer.at.isoformat()} {answer.facts}"
            place = (answer.page.file.index, answer.session, said)
            repeats[place] += 1
            key = (answer.session, said, repeats[place])
        known = seen.get(key)
        if known is None:
            seen[key] = answer.facts
            yield answer
        elif known != answer.facts:
            error = BadValueError(
                "id", answer.entry, "conflicting_message",
                "the same message with the same numbers", fatal=True,
            )  # fmt: skip
            reader.reject(answer.page, without_content(answer.page.body), error)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)


def _charges(
    answers: list[Answer], account: str, with_directory: bool
) -> Iterator[ChargeRecord | UsageRecord]:
    sums: dict[tuple[datetime, str, str, str, str], Decimal] = defaultdict(Decimal)
    places: dict[tuple[datetime, str, str, str, str], tuple[int, int]] = {}
    for answer in answers:
        if answer.cost is None:
            continue
        directory = answer.directory if with_directory else ""
        key = (_midnight(answer.at), answer.session, answer.provider, answer.model, directory)
        sums[key] = EXACT.add(sums[key], answer.cost)
        places.setdefault(key, (answer.page.file.index, answer.page.line))
    for key, cost in sorted(sums.items()):
        day, session, provider, model, directory = key
        yield charge_record(
            CostLine(
                file_index=places[key][0],
                line=places[key][1],
                currency="USD",
                billed=cost,
                effective=cost,
                listed=cost,
                period=(day, day + _DAY),
                billing_account_id=account,
                provider=provider,
                service_name=_SERVICE,
                model=model,
                resource_id=session_name(session),
                resource_type="session",
                repository=directory,
                description="Estimate of the agent at list prices",
            )
        )


def _usage(answers: list[Answer], account: str) -> Iterator[ChargeRecord | UsageRecord]:
    sums: dict[tuple[datetime, str, str, str], Decimal] = defaultdict(Decimal)
    places: dict[tuple[datetime, str, str, str], tuple[int, int]] = {}
    for answer in answers:
        for metric, number in answer.tokens.items():
            key = (_midnight(answer.at), answer.provider, answer.model, metric)
            sums[key] = EXACT.add(sums[key], number)
            places.setdefault(key, (answer.page.file.index, answer.page.line))
    for key, quantity in sorted(sums.items()):
        day, provider, model, metric = key
        yield usage_record(
            UsageRow(
                file_index=places[key][0],
                line=places[key][1],
                dataset="openclaw.sessions",
                period=(day, day + _DAY),
                billing_account_id=account,
                provider=provider,
                service_name=_SERVICE,
                model=model,
            ),
            metric,
            _TOKENS,
            quantity,
        )
