#!/usr/bin/env python3
"""Check snapshots of metric values without a database and without Plumbline.

    python3 verify_snapshot.py --key PUBLIC_KEY [--anchors FILE] [--whole] SNAPSHOT…

Needs Python 3.11 and the library `cryptography`, and nothing else. Checked in this order:

 1. a file is written in the one way that there is, so no byte of it can be changed unseen;
 2. the hash beside the document is that of the document;
 3. the signature is by a key that you gave, not by whatever key the file names;
 4. the facts of each value have the hash that the value says, and the counts are right;
 5. several files: each names the hash of the one before it, and none is missing between them;
 6. with anchors (lines kept outside the publisher's database): each snapshot is the one anchored
    under its number; with --whole, the files are all that was ever anchored: a cut tail is found.

Ask the publisher for the public key on another way than the file came. Exit code 0: everything
holds; 1: something does not, and the first bad thing is said; 2: it could not be checked.
"""

# ruff: noqa: T201 - it speaks to the person at the terminal

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ENVELOPE = "plumbline-signed-snapshot/1"
FORMAT = "plumbline-snapshot/1"
PURPOSE = b"plumbline snapshot"  # stands before the hash in what is signed
_HASH = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


class BadSnapshotError(Exception):
    """Something does not hold; the message says what, and where."""


@dataclass(frozen=True)
class Checked:
    """A snapshot whose file holds by itself."""

    name: str
    number: int
    sha256: str
    previous: str
    values: int
    document: dict[str, Any]


@dataclass
class Anchors:
    """What the anchor file says: hash by number, after restores that were written down."""

    by_number: dict[int, str] = field(default_factory=dict)


def canonical(value: object) -> str:
    """The one way to write a document: keys sorted, no blanks, text as UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _no_fraction(text: str) -> Any:
    raise BadSnapshotError(f"holds the fraction {text}, and documents hold none")


def _read(name: str, raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
        found = json.loads(text, parse_float=_no_fraction, parse_constant=_no_fraction)
    except UnicodeDecodeError:
        raise BadSnapshotError(f"{name}: is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise BadSnapshotError(f"{name}: is not JSON ({error})") from None
    except BadSnapshotError as error:
        raise BadSnapshotError(f"{name}: {error}") from None
    if not isinstance(found, dict) or found.get("format") != ENVELOPE:
        raise BadSnapshotError(f"{name}: is no signed snapshot ({ENVELOPE})")
    if set(found) != {"format", "document", "sha256", "signature"}:
        raise BadSnapshotError(f"{name}: has other parts than document, sha256 and signature")
    try:
        is_exact = canonical(found).encode() + b"\n" == raw
    except UnicodeEncodeError:
        is_exact = False
    if not is_exact:
        raise BadSnapshotError(f"{name}: is not written in the canonical way; it was altered")
    return found


def is_signed(public_key: str, sha256: str, signature: str) -> bool:
    """Whether that key, 32 bytes in hexadecimal digits, signed that hash."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), PURPOSE + sha256.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def check_file(name: str, raw: bytes, keys: list[str]) -> Checked:
    """Check one file by itself.

    Raises:
        BadSnapshotError: the first thing that does not hold.
    """
    envelope = _read(name, raw)
    document, sha256, signature = (envelope[part] for part in ("document", "sha256", "signature"))
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadSnapshotError(f"{name}: its document is not in the format {FORMAT}")
    if sha256 != sha256_of(canonical(document)):
        raise BadSnapshotError(f"{name}: the document does not have the hash that stands beside it")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise BadSnapshotError(f"{name}: the signature is not 128 hexadecimal digits")
    _check_signer(name, document, sha256, signature, keys)
    _check_values(name, document)
    number = document["number"]
    previous = document["previous_sha256"] or ""
    if not isinstance(number, int) or number < 1 or (number == 1) != (previous == ""):
        raise BadSnapshotError(f"{name}: only snapshot 1 has none before it")
    return Checked(name, number, sha256, previous, len(document["values"]), document)


def _check_signer(
    name: str, document: dict[str, Any], sha256: str, signature: str, keys: list[str]
) -> None:
    named = document["key"]["public_key"]
    if named not in keys:
        raise BadSnapshotError(
            f"{name}: says it is signed with the key {named}, which is none of those you trust"
        )
    if not is_signed(named, sha256, signature):
        raise BadSnapshotError(f"{name}: the signature does not hold")


def _check_values(name: str, document: dict[str, Any]) -> None:
    if document["value_count"] != len(document["values"]):
        raise BadSnapshotError(
            f"{name}: says it holds {document['value_count']} values and holds "
            f"{len(document['values'])}"
        )
    defined = {
        (each["metric"], each["version"], each["sha256"]) for each in document["definitions"]
    }
    for position, value in enumerate(document["values"]):
        facts, sha256 = value["facts"], value["facts_sha256"]
        if (facts is None) != (sha256 is None) or (
            facts is not None and sha256_of(canonical(facts)) != sha256
        ):
            raise BadSnapshotError(f"{name}: the facts of value {position} have another hash")
        if (value["value"] is None) != (value["reason"] is not None):
            raise BadSnapshotError(f"{name}: value {position} is neither a number nor a reason")
        if (value["metric"], value["version"], value["definition_sha256"]) not in defined:
            raise BadSnapshotError(f"{name}: value {position} is of a definition that is not named")
    for dashboard in document["dashboards"]:
        if sha256_of(canonical(dashboard["document"])) != dashboard["sha256"]:
            raise BadSnapshotError(f"{name}: dashboard {dashboard['slug']} has another hash")


def read_anchors(name: str, text: str, keys: list[str]) -> Anchors:
    """Read the anchor file.

    A line torn by a crash is passed over: what it was to say is missing, and that is found.

    Raises:
        BadSnapshotError: a line is signed by nobody you trust, or contradicts another.
    """
    found = Anchors()
    for place, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        problem = _read_anchor(entry, found, keys)
        if problem:
            raise BadSnapshotError(f"{name}: line {place} {problem}")
    missing = set(range(1, max(found.by_number, default=0) + 1)) - found.by_number.keys()
    if missing:
        raise BadSnapshotError(f"{name}: has no line of snapshot {min(missing)}")
    return found


# A line with any other field was not written by the publisher, whatever its signature covers.
_FIELDS = {
    "snapshot": {"kind", "number", "sha256", "public_key", "signature"},
    "restored": {"kind", "kept", "reason", "at", "public_key", "signature"},
}


def _read_anchor(entry: dict[str, Any], found: Anchors, keys: list[str]) -> str:
    key, signature = entry.get("public_key"), str(entry.get("signature"))
    if entry.keys() != _FIELDS.get(str(entry.get("kind"))):
        return "is no anchor: it has other fields than the lines of its kind"
    if key not in keys:
        return f"is signed with the key {key}, which is none of those you trust"
    if entry.get("kind") == "restored":
        text = canonical([entry.get(name) for name in ("kind", "kept", "reason", "at")])
        if not is_signed(str(key), text, signature):
            return "has a wrong signature"
        kept = int(entry["kept"])
        found.by_number = {n: sha for n, sha in found.by_number.items() if n <= kept}
        return ""
    number, sha256 = entry.get("number"), str(entry.get("sha256"))
    if not isinstance(number, int) or not _HASH.fullmatch(sha256):
        return "is no anchor"
    if not is_signed(str(key), sha256, signature):
        return "has a wrong signature"
    if found.by_number.get(number, sha256) != sha256:
        return f"gives snapshot {number} a second hash"
    found.by_number[number] = sha256
    return ""


def check_chain(snapshots: list[Checked]) -> None:
    """Check that each names the one before it and that none is missing between them.

    Raises:
        BadSnapshotError: the first place where the chain does not hold.
    """
    for before, after in zip(snapshots, snapshots[1:], strict=False):
        if after.number != before.number + 1:
            raise BadSnapshotError(
                f"{after.name}: is snapshot {after.number} and follows snapshot {before.number}; "
                "give the files in order, with none left out"
            )
        if after.previous != before.sha256:
            raise BadSnapshotError(
                f"{after.name}: names another snapshot {before.number} before it than {before.name}"
            )


def check_anchors(snapshots: list[Checked], anchors: Anchors, *, whole: bool) -> None:
    """Check that these are the snapshots that were anchored.

    Raises:
        BadSnapshotError: one is not anchored, is another one, or (`whole`) one is missing.
    """
    for each in snapshots:
        known = anchors.by_number.get(each.number)
        if known is None:
            raise BadSnapshotError(f"{each.name}: snapshot {each.number} was never anchored")
        if known != each.sha256:
            raise BadSnapshotError(
                f"{each.name}: under number {each.number} another snapshot was anchored"
            )
    newest = max(anchors.by_number, default=0)
    if whole and (snapshots[0].number, snapshots[-1].number) != (1, newest):
        raise BadSnapshotError(
            f"the anchors know snapshots 1 to {newest}, the files are {snapshots[0].number} to "
            f"{snapshots[-1].number}: the chain was cut"
        )


def verify(
    files: list[tuple[str, bytes]], keys: list[str], anchors: tuple[str, str] | None, *, whole: bool
) -> list[Checked]:
    """Check everything; `files` in the order of their numbers.

    Raises:
        BadSnapshotError: the first thing that does not hold.
    """
    if any(not _HASH.fullmatch(key) for key in keys):
        raise BadSnapshotError("a public key is 64 hexadecimal digits in lower case")
    try:
        checked = [check_file(name, raw, keys) for name, raw in files]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadSnapshotError(f"a document lacks a part: {error}") from None
    check_chain(checked)
    if anchors is not None:
        check_anchors(checked, read_anchors(*anchors, keys), whole=whole)
    return checked


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Check snapshots of metric values.")
    parser.add_argument("files", nargs="+", type=Path, metavar="SNAPSHOT")
    parser.add_argument("--key", action="append", default=[], help="a public key that you trust")
    parser.add_argument("--anchors", type=Path, help="the anchor file, snapshot-heads.jsonl")
    parser.add_argument("--whole", action="store_true", help="the files are all there ever were")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def main(arguments: list[str] | None = None) -> int:
    given = make_parser().parse_args(arguments)
    if not given.key:
        print("name the public key that you trust with --key", file=sys.stderr)
        return 2
    if given.whole and given.anchors is None:
        print("--whole needs --anchors: the files cannot know what follows them", file=sys.stderr)
        return 2
    try:
        files = [(path.name, path.read_bytes()) for path in given.files]
        anchors = (given.anchors.name, given.anchors.read_text("utf-8")) if given.anchors else None
    except (OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        checked = verify(files, given.key, anchors, whole=given.whole)
    except BadSnapshotError as error:
        if given.json:
            print(json.dumps({"holds": False, "first_bad": str(error)}))
        print(f"Does not hold: {error}", file=sys.stderr)
        return 1
    found = [{"number": one.number, "sha256": one.sha256, "values": one.values} for one in checked]
    if given.json:
        print(json.dumps({"holds": True, "snapshots": found}))
    else:
        for one in checked:
            print(f"Snapshot {one.number} holds: {one.values} values, sha256 {one.sha256}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
