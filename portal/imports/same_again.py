"""An input that the connection has read before: told by its hashes, closed without being read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.choices import RunStatus
from portal.imports import ledger
from portal.imports.files import landed_files
from portal.imports.lock import lock_connection
from portal.imports.registry import ImportSource
from portal.models import ImportFile, ImportRun
from portal.services.imports import queue_follow_ups

_SAME_INPUT, _SAME_CONTENT = "same_input", "same_content"


class SameAgain:
    """Compares what a run would read with what the last applied run of its connection read.

    Attributes:
        digest: names everything that decides what the run would read.
    """

    def __init__(
        self,
        run: ImportRun,
        spec: ImportSource,
        files: Sequence[ImportFile],
        *,
        repairs: Mapping[str, str],
        context: Mapping[str, Any],
    ) -> None:
        self._run = run
        self._spec = spec
        self._files = files
        self._settings: dict[str, Any] = {
            "parser": spec.source.parser_version,
            "config": run.connection.config,
            "repairs": repairs,
            "window": [str(run.window_start), str(run.window_end)],
        }
        if context:
            self._settings["context"] = context
        self.digest = self._digest_of(files)

    def _digest_of(self, files: Iterable[ImportFile]) -> str:
        parts = {"files": sorted(file.sha256 for file in files), **self._settings}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def close(self, *, clock: Callable[[], datetime]) -> bool:
        """Close the run at once when the last applied one read the same; returns whether.

        Raises:
            FencedOffError: the run is somebody else's by now.
        """
        if self._run.is_dry_run:
            return False
        last = self._last_applied()
        if last is None:
            return False
        if last.input_digest == self.digest:
            note = [_SAME_INPUT, f"The same input as run {last.pk}."]
        elif self._holds_the_same(last):
            note = [_SAME_CONTENT, f"The same rows as run {last.pk}, in other files."]
        else:
            return False
        return self._close_like(last, note, clock)

    def _last_applied(self) -> ImportRun | None:
        applied = ImportRun.objects.filter(
            connection_id=self._run.connection_id, status=RunStatus.APPLIED
        )
        return applied.order_by("-finished_at", "-pk").first()

    def _holds_the_same(self, last: ImportRun) -> bool:
        """Whether other files hold the records that the last run read, and would be read as then.
        Of rows that were rejected it is not known what became of them since."""
        is_same = self._spec.is_same_content
        if is_same is None or last.rejected:
            return False
        before = list(last.files.order_by("index"))
        if last.input_digest != self._digest_of(before):
            return False
        return is_same(landed_files(before), landed_files(self._files), rows=last.read)

    def _close_like(self, last: ImportRun, note: list[str], clock: Callable[[], datetime]) -> bool:
        with transaction.atomic():
            lock_connection(self._run.connection_id)
            newest = self._last_applied()
            if newest is None or newest.pk != last.pk:
                return False  # another run came in between: it is read after all
            now = clock()
            at = max(now, last.finished_at or now)  # the clocks of two machines differ
            said = [each for each in last.notes if each[0] not in (_SAME_INPUT, _SAME_CONTENT)]
            ledger.close_run(
                self._run,
                status=RunStatus.APPLIED,
                at=at,
                read=last.read,
                unchanged=last.read - last.rejected,
                rejected=last.rejected,
                totals_in=last.totals_in,
                totals_stored=last.totals_stored,
                totals_residue=last.totals_residue,
                facts=last.facts,
                notes=[*said, note],
                input_digest=self.digest,
                parser_version=last.parser_version,
            )
            queue_follow_ups(run=self._run, at=at)
        return True
