"""Snapshots by themselves: what is published of facts, and what the offline check finds."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.metrics import verify_snapshot as offline
from adoption.metrics.contracts import Computed, canonical
from adoption.metrics.snapshot import (
    SMALL_GROUP,
    FrozenValue,
    UnrepeatableValueError,
    content_sha256,
    definition_entries,
    document_text,
    recalculate,
    sha256_of,
    signed_file,
    value_entry,
)
from portal.audit.signing import SNAPSHOT, public_key, sign
from portal.keys import NumberedSecrets
from tests.adoption.served import calculate, count_people
from tests.plugins.proofs import Figures

KEYS = NumberedSecrets("TEST", {1: "s" * 50})
KEY = public_key(KEYS, 1, purpose=SNAPSHOT)
AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
DASHBOARD = {"title": "Value", "tiles": [{"metric": "held_rate"}, {"metric": "score"}]}


def frozen(part: int = 3, whole: int = 24, people: int = 9, **fields: Any) -> FrozenValue:
    facts = {"part": part, "whole": whole, "contributors": people}
    values: dict[str, Any] = {
        "metric": "held_rate", "version": "1.0.0", "definition_sha256": "d" * 64, "unit": "ratio",
        "scope_kind": "use_case", "scope_id": 1, "scope_name": "Drafts – näch",
        "starts_on": dt.date(2026, 8, 31), "ends_on": dt.date(2026, 9, 28), "zone": "UTC",
        "computed": calculate(facts), "facts": canonical(facts), "k": 5, "status": "final",
        "standing": "certified", "certified_until": AT, "data_version": 1, "data_as_of": AT,
    }  # fmt: skip
    return FrozenValue(**(values | fields))


def make_chain(count: int, *, values: int = 2) -> list[bytes]:
    files, previous = [], ""
    for number in range(1, count + 1):
        rows = [frozen(part=number + place) for place in range(values)]
        content = {
            "definitions": definition_entries(rows, {}),
            "values": [value_entry(row, calculate) for row in rows],
            "dashboards": [
                {"slug": "value", "version": 1, "document": DASHBOARD,
                 "sha256": sha256_of(canonical(DASHBOARD))}
            ],
        }  # fmt: skip
        text = document_text(
            content, number=number, previous_sha256=previous, published_at=AT, key_number=1,
            public_key=KEY,
        )  # fmt: skip
        previous = sha256_of(text)
        _, signature = sign(KEYS, previous, purpose=SNAPSHOT)
        files.append(signed_file(text, previous, signature))
    return files


CHAIN = make_chain(4)
HEADS = "".join(
    json.dumps(
        {"kind": "snapshot", "number": number, "public_key": KEY,
         "sha256": json.loads(raw)["sha256"], "signature": json.loads(raw)["signature"]}
    )
    + "\n"
    for number, raw in enumerate(CHAIN, start=1)
)  # fmt: skip


def check(files: list[bytes], *, heads: str | None = HEADS, whole: bool = True) -> list[Any]:
    named = [(f"file{place}", raw) for place, raw in enumerate(files, start=1)]
    return offline.verify(named, [KEY], ("heads", heads) if heads else None, whole=whole)


def refused(files: list[bytes], words: str, **options: Any) -> None:
    with pytest.raises(offline.BadSnapshotError, match=words):
        check(files, **options)


def altered(raw: bytes, change: Any, *, resign: bool = False) -> bytes:
    """The file with another document; hash and, where asked, our own signature made anew."""
    document = json.loads(raw)["document"]
    change(document)
    text = canonical(document)
    signature = json.loads(raw)["signature"]
    if resign:
        _, signature = sign(KEYS, sha256_of(text), purpose=SNAPSHOT)
    return signed_file(text, sha256_of(text), signature)


def test_a_whole_chain_holds() -> None:
    assert [one.number for one in check(CHAIN)] == [1, 2, 3, 4]
    assert [one.values for one in check([CHAIN[2]], whole=False)] == [2]


@settings(max_examples=150)
@given(place=st.integers(0, len(CHAIN[1]) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(place: int, bit: int) -> None:
    raw = bytearray(CHAIN[1])
    raw[place] ^= 1 << bit
    with pytest.raises(offline.BadSnapshotError):
        check([CHAIN[0], bytes(raw), *CHAIN[2:]], heads=None, whole=False)


@pytest.mark.prove("Snapshot tampering", adds_up=True)
def test_every_flipped_bit_is_found(figures: Figures) -> None:
    found = 0
    for place in figures.progress(range(len(CHAIN[1])), "flipping"):
        for bit in range(8):
            raw = bytearray(CHAIN[1])
            raw[place] ^= 1 << bit
            try:
                offline.check_file("file", bytes(raw), [KEY])
            except offline.BadSnapshotError:
                found += 1
            else:
                figures.bad(f"bit {bit} of byte {place} not found")
    figures("flipped bits found offline", found, target=len(CHAIN[1]) * 8)


@settings(max_examples=40)
@given(cut=st.integers(0, len(CHAIN[1]) - 1))
def test_a_cut_file_is_found(cut: int) -> None:
    with pytest.raises(offline.BadSnapshotError):
        check([CHAIN[1][:cut]], heads=None, whole=False)


def _drop_value(document: dict[str, Any]) -> None:
    document["values"].pop()


def _drop_tile(document: dict[str, Any]) -> None:
    document["dashboards"][0]["document"]["tiles"].pop()


def _other_facts(document: dict[str, Any]) -> None:
    document["values"][0]["facts"]["part"] += 1


def _other_number(document: dict[str, Any]) -> None:
    document["values"][0]["value"] = "0.9"


@pytest.mark.parametrize("change", [_drop_value, _drop_tile, _other_facts, _other_number])
def test_what_is_removed_or_changed_is_found_even_with_a_new_hash(change: Any) -> None:
    refused([altered(CHAIN[0], change)], "signature does not hold", heads=None, whole=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [(_drop_value, "holds 1"), (_drop_tile, "dashboard value"), (_other_facts, "facts of value 0")],
)
def test_the_publisher_cannot_contradict_itself(change: Any, words: str) -> None:
    refused([altered(CHAIN[0], change, resign=True)], words, heads=None, whole=False)


def test_a_snapshot_published_anew_in_secret_is_found_by_the_heads() -> None:
    again = altered(CHAIN[3], _other_number, resign=True)
    refused([*CHAIN[:3], again], "another snapshot was anchored")
    refused([CHAIN[0], altered(CHAIN[1], _other_number, resign=True), CHAIN[2]],
            "names another snapshot 2", heads=None, whole=False)  # fmt: skip


def test_reordered_missing_and_cut_chains_are_found() -> None:
    refused([CHAIN[1], CHAIN[0]], "follows snapshot 2", heads=None, whole=False)
    refused([CHAIN[0], CHAIN[2]], "none left out", heads=None, whole=False)
    refused(CHAIN[:3], "chain was cut")
    refused(CHAIN[1:], "chain was cut")
    lines = HEADS.splitlines(keepends=True)
    refused(CHAIN[:3], "chain was cut", heads=HEADS + "torn {")
    refused(CHAIN, "no line of snapshot 2", heads="".join([lines[0], *lines[2:]]))
    refused(CHAIN, "never anchored", heads="".join(lines[:3]), whole=False)
    swapped = lines[1].replace('"number": 2', '"number": 3')
    refused(CHAIN, "second hash", heads=HEADS + swapped)
    forged = lines[3].replace(json.loads(lines[3])["sha256"], "a" * 64)
    refused(CHAIN, "wrong signature", heads="".join([*lines[:3], forged]))


def test_only_keys_that_one_trusts_count() -> None:
    other = NumberedSecrets("TEST", {1: "o" * 50})
    theirs = public_key(other, 1, purpose=SNAPSHOT)

    def take_over(document: dict[str, Any]) -> None:
        document["key"]["public_key"] = theirs

    raw = altered(CHAIN[0], take_over)
    envelope = json.loads(raw)
    _, signature = sign(other, envelope["sha256"], purpose=SNAPSHOT)
    raw = signed_file(canonical(envelope["document"]), envelope["sha256"], signature)
    refused([raw], "none of those you trust", heads=None, whole=False)
    assert offline.verify([("file", raw)], [theirs], None, whole=False)
    # A signature made for a seal of the audit holds for no snapshot.
    _, seal = sign(KEYS, envelope["sha256"])
    assert not offline.is_signed(KEY, envelope["sha256"], seal)


def test_the_script_runs_alone(tmp_path: Path) -> None:
    """Copied somewhere, without a path to the house and without site settings of Django."""
    script = tmp_path / "verify_snapshot.py"
    script.write_bytes(Path(offline.__file__).read_bytes())
    names = []
    for number, raw in enumerate(CHAIN, start=1):
        (tmp_path / f"{number}.json").write_bytes(raw)
        names.append(f"{number}.json")
    (tmp_path / "heads").write_text(HEADS)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, script.name, *arguments],
            cwd=tmp_path, capture_output=True, text=True, env={}, check=False, timeout=60,
        )  # fmt: skip

    whole = run("--key", KEY, "--anchors", "heads", "--whole", "--json", *names)
    assert whole.returncode == 0, whole.stderr
    assert len(json.loads(whole.stdout)["snapshots"]) == 4
    cut = run("--key", KEY, "--anchors", "heads", "--whole", *names[:3])
    assert (cut.returncode, "chain was cut" in cut.stderr) == (1, True)
    assert run(*names).returncode == 2


def test_values_are_calculated_again_from_what_is_published() -> None:
    row = frozen(people=40)
    entry = value_entry(row, calculate)
    assert entry["facts"] == {"part": 3, "whole": 24, "contributors": 5}
    assert (entry["value"], entry["contributors_at_least"]) == ("0.125", 5)
    document = {"values": [entry]}
    assert recalculate(document, lambda *_: calculate).same == 1
    entry["value"] = "0.126"
    assert len(recalculate(document, lambda *_: calculate).different) == 1
    assert len(recalculate(document, lambda *_: None).impossible) == 1


@given(people=st.integers(5, 500), others=st.integers(5, 500))
def test_how_many_people_is_told_as_at_least_only(people: int, others: int) -> None:
    first, second = (value_entry(frozen(people=each), calculate) for each in (people, others))
    assert content_sha256(first) == content_sha256(second)


def test_facts_that_tell_of_few_people_are_withheld() -> None:
    reach = frozen(computed=count_people({"contributors": 9}), facts='{"contributors":9}')
    entry = value_entry(reach, count_people)
    assert (entry["facts"], entry["facts_sha256"], entry["value"]) == (None, None, "9")
    assert "at least" in entry["facts_withheld"]
    again = recalculate({"values": [entry]}, lambda *_: count_people)
    assert again.withheld == [0]
    facts = {0: {"contributors": 9}}
    assert recalculate({"values": [entry]}, lambda *_: count_people, facts_of=facts).same == 1
    parts = {"part": 3, "whole": 24, "contributors": 9, "teams": [{"contributors": 2}]}
    entry = value_entry(frozen(facts=canonical(parts)), calculate)
    assert (entry["facts"], entry["value"]) == (None, "0.125")
    survey = {"part": 3, "whole": 24, "contributors": 9, "survey": {"answers": [4, 5]}}
    assert value_entry(frozen(facts=canonical(survey)), calculate)["facts"] is None
    small = frozen(computed=Computed(None, reason=SMALL_GROUP), facts="")
    entry = value_entry(small, calculate)
    told = {name: said for name, said in entry.items() if said is not None}
    assert {"value", "n", "facts", "facts_sha256", "contributors_at_least"}.isdisjoint(told)


def test_a_value_that_its_facts_do_not_give_is_not_published() -> None:
    with pytest.raises(UnrepeatableValueError, match="held_rate 1.0.0 of use_case 1"):
        value_entry(frozen(computed=Computed(1)), calculate)
