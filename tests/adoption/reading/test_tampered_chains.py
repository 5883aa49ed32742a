"""A chain of snapshots, tampered with in every way we could think of, at random: found offline.

By the very script that outsiders are given, with a key and a file of heads that they trust.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from adoption.metrics import verify_snapshot as offline
from adoption.metrics.contracts import canonical
from adoption.metrics.snapshot import sha256_of, signed_file
from portal.audit.signing import SNAPSHOT, sign
from portal.keys import NumberedSecrets
from tests.adoption.metrics.test_snapshot import CHAIN, HEADS, KEY, KEYS, altered
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled

THEIRS = NumberedSecrets("TEST", {1: "o" * 50})
Chain = tuple[list[bytes], str]
Tampering = Callable[[list[bytes], str, random.Random], Chain]


def _flip(files: list[bytes], heads: str, source: random.Random) -> Chain:
    place = source.randrange(len(files))
    raw = bytearray(files[place])
    raw[source.randrange(len(raw))] ^= 1 << source.randrange(8)
    return [*files[:place], bytes(raw), *files[place + 1 :]], heads


def _splice(files: list[bytes], heads: str, source: random.Random) -> Chain:
    place = source.randrange(len(files))
    raw = files[place]
    cut = source.randrange(len(raw))
    extra = source.choice((b" ", b"\n", b"0", b""))
    new = raw[:cut] + extra + raw[cut + (not extra) :]
    return [*files[:place], new, *files[place + 1 :]], heads


def _edit(document: dict[str, Any], source: random.Random) -> None:
    values, tiles = document["values"], document["dashboards"][0]["document"]["tiles"]
    source.choice(
        (
            lambda: values.pop(source.randrange(len(values))),
            lambda: tiles.pop(source.randrange(len(tiles))),
            values.reverse,
            lambda: document["dashboards"].clear(),
            lambda: document["definitions"].clear(),
            lambda: source.choice(values).update(value=f"0.{source.randrange(1, 10**6)}1"),
            lambda: source.choice(values).update(n=source.randrange(1000, 9999)),
            lambda: source.choice(values)["facts"].update(part=source.randrange(100, 999)),
            lambda: document.update(published_at="2030-01-01T00:00:00.000000Z"),
        )
    )()


def _edited(files: list[bytes], heads: str, source: random.Random, sign_with: Any) -> Chain:
    place = source.randrange(len(files))
    new = altered(files[place], lambda document: _edit(document, source))
    if sign_with is not None:
        envelope = json.loads(new)
        _, signature = sign(sign_with, envelope["sha256"], purpose=SNAPSHOT)
        new = signed_file(canonical(envelope["document"]), envelope["sha256"], signature)
    return [*files[:place], new, *files[place + 1 :]], heads


def _removed(files: list[bytes], heads: str, source: random.Random) -> Chain:
    return _edited(files, heads, source, None)


def _signed_by_another(files: list[bytes], heads: str, source: random.Random) -> Chain:
    return _edited(files, heads, source, THEIRS)


def _published_anew(files: list[bytes], heads: str, source: random.Random) -> Chain:
    """By the publisher itself, with its own key, after the heads were given away."""
    return _edited(files, heads, source, KEYS)


def _rechained(files: list[bytes], heads: str, source: random.Random) -> Chain:
    """The same, with every later snapshot made anew to fit."""
    start = source.randrange(len(files))
    found = files[:start]
    previous = json.loads(files[start - 1])["sha256"] if start else None
    for place, raw in enumerate(files[start:]):
        document = json.loads(raw)["document"]
        document["previous_sha256"] = previous
        if place == 0:
            _edit(document, source)
        text = canonical(document)
        previous = sha256_of(text)
        _, signature = sign(KEYS, previous, purpose=SNAPSHOT)
        found.append(signed_file(text, previous, signature))
    return found, heads


def _reordered(files: list[bytes], heads: str, source: random.Random) -> Chain:
    new = list(files)
    first, second = source.sample(range(len(new)), 2)
    new[first], new[second] = new[second], new[first]
    return new, heads


def _left_out(files: list[bytes], heads: str, source: random.Random) -> Chain:
    place = source.randrange(len(files))
    return files[:place] + files[place + 1 :], heads


def _cut(files: list[bytes], heads: str, source: random.Random) -> Chain:
    return files[: source.randrange(1, len(files))], heads


def _doubled(files: list[bytes], heads: str, source: random.Random) -> Chain:
    place = source.randrange(len(files))
    return [*files[:place], files[place], *files[place:]], heads


def _heads_cut(files: list[bytes], heads: str, source: random.Random) -> Chain:
    lines = heads.splitlines(keepends=True)
    lines.pop(source.randrange(len(lines)))
    return files, "".join(lines)


def _heads_forged(files: list[bytes], heads: str, source: random.Random) -> Chain:
    place = source.randrange(len(heads))
    while heads[place] not in "0123456789abcdef":
        place = source.randrange(len(heads))
    other = source.choice([each for each in "0123456789abcdef" if each != heads[place]])
    return files, heads[:place] + other + heads[place + 1 :]


TAMPERINGS: tuple[Tampering, ...] = (
    _flip, _splice, _removed, _signed_by_another, _published_anew, _rechained, _reordered,
    _left_out, _cut, _doubled, _heads_cut, _heads_forged,
)  # fmt: skip


def found_offline(files: list[bytes], heads: str) -> bool:
    named = [(f"file{place}", raw) for place, raw in enumerate(files, start=1)]
    try:
        offline.verify(named, [KEY], ("heads", heads), whole=True)
    except offline.BadSnapshotError:
        return True
    return False


def tampered(source: random.Random, count: int) -> tuple[Counter[str], list[str]]:
    """How many of each kind were found, and what was not."""
    found: Counter[str] = Counter()
    missed = []
    for number in range(count):
        kind = TAMPERINGS[number % len(TAMPERINGS)]
        files, heads = kind(list(CHAIN), HEADS, source)
        if (files, heads) == (list(CHAIN), HEADS):
            continue
        if found_offline(files, heads):
            found[kind.__name__.strip("_")] += 1
        else:
            missed.append(f"{kind.__name__} {number}")
    return found, missed


def test_every_kind_of_tampering_is_found() -> None:
    assert not found_offline(list(CHAIN), HEADS)
    found, missed = tampered(random.Random(20261129), 240)  # noqa: S311  (no secret)
    assert missed == []
    assert len(found) == len(TAMPERINGS)


@pytest.mark.parametrize("step", sampled((1, 23), 23))  # every place in a sweep
def test_any_other_digit_in_the_heads_is_found(step: int) -> None:
    """Also in the name of a field, whose value would then not be looked at."""
    for place in range(0, len(HEADS), step):
        if HEADS[place] in "0123456789abcdef":
            other = "0" if HEADS[place] != "0" else "1"
            assert found_offline(list(CHAIN), HEADS[:place] + other + HEADS[place + 1 :]), place


def test_without_its_signatures_the_check_misses_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof can fail."""
    monkeypatch.setattr(offline, "is_signed", lambda *told: True)
    _, missed = tampered(random.Random(20261129), 240)  # noqa: S311  (no secret)
    assert missed


@pytest.mark.prove("Chains of snapshots tampered with", engine="sqlite")
def test_tampered_chains_are_found(figures: Figures) -> None:
    count = figures.scaled(12_000)
    found: Counter[str] = Counter()
    for _ in figures.progress(range(max(1, count // 120)), "of 120 tamperings"):
        some, missed = tampered(figures.random, 120)
        found += some
        for each in missed:
            figures.bad(each)
    figures("tamperings found offline", sum(found.values()), count * 99 // 100)
    figures("kinds of tampering", len(found), len(TAMPERINGS))
