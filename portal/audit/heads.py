"""The heads of the audit, kept outside the database: a file that only grows, one line a seal.

A database that lost its newest seals, or was put back to an earlier state, is found by it. Each
line carries the seal's own signature; a restore that was meant is written down in the same file.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from portal.audit.growing import append_lines, locked
from portal.audit.signing import is_signed, sign
from portal.keys import NumberedSecrets
from portal.models import AuditSeal

log = structlog.get_logger(__name__)
FILE_NAME = "audit-heads.jsonl"


class HeadMismatchError(Exception):
    """The file knows a seal that the database does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class Head:
    """One seal, as the file has it."""

    number: int
    hash: str
    total: int


@dataclass(slots=True)
class Heads:
    """What a head file says now.

    Attributes:
        by_number: the heads that hold; a restore takes back the later ones.
        problems: what is wrong with the file itself.
        restores: how many restores were written down.
    """

    by_number: dict[int, Head] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    restores: int = 0
    is_there: bool = False

    @property
    def newest(self) -> Head | None:
        return self.by_number[max(self.by_number)] if self.by_number else None


def read_heads(folder: Path, keys: NumberedSecrets) -> Heads:
    """Read and check the file; a folder without one gives none."""
    found = Heads()
    path = folder / FILE_NAME
    if not path.is_file():
        return found
    found.is_there = True
    for place, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        problem = _read_line(line, found, keys)
        if problem:
            found.problems.append(f"line {place} of {FILE_NAME} {problem}")
    if found.by_number:
        missing = set(range(1, max(found.by_number) + 1)) - found.by_number.keys()
        if missing:
            found.problems.append(f"{FILE_NAME} has no head of seal {min(missing)}")
    return found


def _read_line(line: str, found: Heads, keys: NumberedSecrets) -> str:
    if not line.strip():
        return ""
    try:
        entry: dict[str, Any] = json.loads(line)
        if entry["kind"] == "restored":
            if not is_signed(keys, entry["key"], _restore_text(entry), entry["signature"]):
                return "has a wrong signature"
            kept = int(entry["kept"])
            found.by_number = {n: head for n, head in found.by_number.items() if n <= kept}
            found.restores += 1
            return ""
        head = Head(int(entry["number"]), str(entry["hash"]), int(entry["total"]))
        if not is_signed(keys, entry["key"], head.hash, entry["signature"]):
            return "has a wrong signature"
    except (ValueError, KeyError, TypeError):
        return ""  # a line torn by a crash; what it was to say is written again, or is missing
    if found.by_number.get(head.number, head) != head:
        return f"gives seal {head.number} a second hash"
    found.by_number[head.number] = head
    return ""


def export_heads(folder: Path, keys: NumberedSecrets, *, using: str) -> int:
    """Append the heads that the file lacks, and log the newest.

    Returns:
        how many were appended.

    Raises:
        HeadMismatchError: the newest head of the file is no seal of this database.
        OSError: the file cannot be written.
    """
    seals = AuditSeal.objects.using(using).defer("leaves").order_by("number")
    with locked(folder / FILE_NAME) as handle:
        newest = read_heads(folder, keys).newest
        if newest is not None:
            known = seals.filter(number=newest.number).first()
            if known is None or known.hash != newest.hash:
                raise HeadMismatchError(
                    f"{FILE_NAME} ends with seal {newest.number}, which this database does not "
                    "have: it was put back to an earlier state or altered. Run `verify_audit`; "
                    "after a restore that was meant, `seal_audit --after-restore REASON`."
                )
            seals = seals.filter(number__gt=newest.number)
        lines = [_line_of(seal) for seal in seals.iterator()]
        append_lines(handle, lines)
    last = AuditSeal.objects.using(using).defer("leaves").order_by("number").last()
    if last is not None and lines:
        log.info("audit_head", seal=last.number, hash=last.hash, events=last.total)
    return len(lines)


def note_restore(
    folder: Path, keys: NumberedSecrets, *, reason: str, at: dt.datetime, using: str
) -> int:
    """Write down that the database was put back on purpose, so that sealing can go on.

    Returns:
        how many heads are given up.
    """
    with locked(folder / FILE_NAME) as handle:
        heads = read_heads(folder, keys)
        stored = dict(AuditSeal.objects.using(using).values_list("number", "hash"))
        shared = [n for n, head in heads.by_number.items() if stored.get(n) == head.hash]
        kept = max(shared, default=0)
        entry: dict[str, Any] = {
            "kind": "restored",
            "kept": kept,
            "reason": reason,
            "at": at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        }
        entry["key"], entry["signature"] = sign(keys, _restore_text(entry))
        append_lines(handle, [json.dumps(entry, sort_keys=True)])
    return sum(1 for number in heads.by_number if number > kept)


def _restore_text(entry: dict[str, Any]) -> str:
    return json.dumps([entry["kind"], entry["kept"], entry["reason"], entry["at"]])


def _line_of(seal: AuditSeal) -> str:
    return json.dumps(
        {
            "kind": "head",
            "number": seal.number,
            "hash": seal.hash,
            "total": seal.total,
            "last_id": seal.last_id,
            "sealed_at": seal.sealed_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
            "key": seal.key_number,
            "signature": seal.signature,
        },
        sort_keys=True,
    )
