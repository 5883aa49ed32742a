"""Heads of snapshots, kept outside the database beside those of the audit: a file that only grows.

Each line carries number, hash and signature of one snapshot. Whoever has the file finds a database
that lost its newest snapshots, was put back to an earlier state, or holds another one now.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from django.conf import settings

from adoption.metrics.contracts import canonical
from adoption.metrics.verify_snapshot import BadSnapshotError, read_anchors
from adoption.models import Snapshot
from portal.audit.growing import append_lines, locked
from portal.audit.signing import SNAPSHOT, public_key, sign

FILE_NAME = "snapshot-heads.jsonl"


class SnapshotHeadMismatchError(Exception):
    """The file knows a snapshot that the database does not have; the message says which."""


def trusted_keys() -> list[str]:
    """The public keys of every numbered secret, newest first."""
    keys = settings.AUDIT_KEYS
    return [public_key(keys, number, purpose=SNAPSHOT) for number in sorted(keys.by_number)[::-1]]


def heads_path() -> Path:
    return Path(settings.AUDIT_HEADS_DIR) / FILE_NAME


def read_heads() -> dict[int, str]:
    """Hash of each anchored snapshot by its number; empty without a file.

    Raises:
        SnapshotHeadMismatchError: the file itself was altered.
    """
    path = heads_path()
    if not path.is_file():
        return {}
    try:
        text = path.read_text("utf-8", errors="replace")
        return read_anchors(FILE_NAME, text, trusted_keys()).by_number
    except BadSnapshotError as error:
        raise SnapshotHeadMismatchError(str(error)) from error


def export_heads() -> int:
    """Append the heads that the file lacks.

    Returns:
        how many were appended.

    Raises:
        SnapshotHeadMismatchError: the file ends with a snapshot that this database does not have.
        OSError: it cannot be written.
    """
    with locked(heads_path()) as handle:
        newest = check_heads()
        rows = Snapshot.objects.filter(number__gt=newest).order_by("number").defer("document")
        lines = [_line_of(row) for row in rows]
        append_lines(handle, lines)
    return len(lines)


def check_heads() -> int:
    """Number of the newest anchored snapshot, 0 for none, when this database has that one.

    Raises:
        SnapshotHeadMismatchError: it has not.
    """
    heads = read_heads()
    newest = max(heads, default=0)
    stored = Snapshot.objects.filter(number=newest).values_list("sha256", flat=True).first()
    if newest and stored != heads[newest]:
        raise SnapshotHeadMismatchError(
            f"{FILE_NAME} ends with snapshot {newest}, which this database does not have: it was "
            "put back to an earlier state or altered. After a restore that was meant, run "
            "`publish_snapshot --after-restore REASON`."
        )
    return newest


def note_restore(*, reason: str, at: dt.datetime) -> int:
    """Write down that the database was put back on purpose, so that publishing can go on.

    Returns:
        how many anchored snapshots are given up.
    """
    with locked(heads_path()) as handle:
        heads = read_heads()
        stored = dict(Snapshot.objects.values_list("number", "sha256"))
        kept = max((n for n, sha256 in heads.items() if stored.get(n) == sha256), default=0)
        moment = at.astimezone(dt.UTC).isoformat(timespec="seconds")
        entry: dict[str, Any] = {"kind": "restored", "kept": kept, "reason": reason, "at": moment}
        text = canonical([entry["kind"], entry["kept"], entry["reason"], entry["at"]])
        number, entry["signature"] = sign(settings.AUDIT_KEYS, text, purpose=SNAPSHOT)
        entry["public_key"] = public_key(settings.AUDIT_KEYS, number, purpose=SNAPSHOT)
        append_lines(handle, [canonical(entry)])
    return sum(1 for number in heads if number > kept)


def _line_of(row: Snapshot) -> str:
    return json.dumps(
        {
            "kind": "snapshot",
            "number": row.number,
            "sha256": row.sha256,
            "public_key": row.public_key,
            "signature": row.signature,
        },
        sort_keys=True,
    )
