"""The reader that all deploy sources share: lines of JSON that hold one payload each.

A line is `{"event": …, "body": {…}}`, a stored hook, or `{"endpoint": …, "body": …}`, a page as a
fetch spools it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from pydantic import BaseModel

from adoption.deploys.payload import BadPayloadError, parse_json, storable
from adoption.sources.records import Reading
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
    Rejection,
    raw_digest,
)

ReadBody = Callable[[str, Any, Any], Iterable[Reading]]
MAX_NOTES = 20


class PayloadLines:
    """Reads files of payloads with the functions of one provider.

    Args:
        key: of the source.
        version: raised when the same bytes would give other records.
        config: model of the connection's configuration.
        read_event: event, body and configuration → what it says.
        read_page: the same for the answer of an endpoint; None when nothing is fetched.
    """

    def __init__(
        self,
        key: str,
        version: str,
        config: type[BaseModel],
        read_event: Callable[[str, Mapping[str, Any], Any], Reading],
        read_page: ReadBody | None = None,
    ) -> None:
        self.key = key
        self.parser_version = version
        self._config = config
        self._read_event = read_event
        self._read_page = read_page

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield a batch for each line.

        Raises:
            ImportRefusedError: there is nothing in the input, or a limit is exceeded.
        """
        config = self._config.model_validate(dict(options.config))
        size = lines = 0
        notes: set[str] = set()
        for file in files:
            for number, data in _lines(file, options.limits.max_answer_bytes):
                size += len(data)
                lines += 1
                if size > options.limits.max_bytes or lines > options.limits.max_rows:
                    raise ImportRefusedError(
                        "too_large", "the input is larger than allowed", file=file.name, line=number
                    )
                yield self._batch(file, number, data, options, config, notes)
        if not lines:
            raise ImportRefusedError(
                "empty_input", "there is no line in the input", expected="at least one payload"
            )

    def _batch(
        self,
        file: LandedFile,
        number: int,
        data: bytes,
        options: ReadOptions,
        config: BaseModel,
        notes: set[str],
    ) -> Batch:
        raw = storable(data.decode("utf-8", "backslashreplace").rstrip("\r\n"))[:MAX_RAW_TEXT]
        try:
            if (polled := _polled(raw)) is not None:
                return Batch(notes=(polled,))
            line = parse_json(options.repairs.get(raw_digest(raw), data.decode()).encode())
            readings = list(self._read_line(line, config))
        except (BadPayloadError, UnicodeDecodeError) as error:
            bad = error if isinstance(error, BadPayloadError) else None
            return Batch(
                rejections=(
                    Rejection(
                        file.index,
                        number,
                        bad.field if bad else "",
                        bad.value if bad else "",
                        "bad_payload" if bad else "bad_encoding",
                        bad.expected if bad else "text in UTF-8",
                        raw,
                    ),
                )
            )
        records = tuple(record for reading in readings for record in reading.records)
        new = {reading.ignored for reading in readings if reading.ignored} - notes
        noted = sorted(new)[: max(0, MAX_NOTES - len(notes))]
        notes |= new
        return Batch(records=records, notes=tuple(Note("ignored", rule) for rule in noted))

    def _read_line(self, line: Mapping[str, Any], config: BaseModel) -> Iterable[Reading]:
        body = line.get("body")
        if "endpoint" in line and self._read_page is not None:
            yield from self._read_page(str(line["endpoint"]), body, config)
            return
        if not isinstance(body, Mapping):
            raise BadPayloadError("body", body, "the payload, an object")
        yield self._read_event(str(line.get("event") or ""), body, config)


def _polled(raw: str) -> Note | None:
    """The line by which a fetch counts its pages (`portal.imports.fetching.POLLED`)."""
    if not raw.startswith('{"endpoint": "polled"'):
        return None
    pages, unchanged = json.loads(raw)["body"]
    return Note("polled", f"{pages} pages asked for, {unchanged} of them unchanged since last time")


def _lines(file: LandedFile, most: int) -> Iterator[tuple[int, bytes]]:
    with file.path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=plain) if packed else plain
        number = 0
        try:
            while data := stream.readline(most + 1):
                number += 1
                if len(data) > most:
                    raise ImportRefusedError(
                        "line_too_long",
                        "a line is longer than allowed",
                        file=file.name,
                        line=number,
                    )
                if data.strip():
                    yield number, data
        except (EOFError, OSError) as error:
            raise ImportRefusedError(
                "damaged_gzip", "the compressed data is damaged or cut off", file=file.name
            ) from error


def dump_line(event: str, body: Mapping[str, Any]) -> bytes:
    """One payload as a line that this reader takes."""
    return json.dumps({"event": event, "body": body}).encode() + b"\n"
