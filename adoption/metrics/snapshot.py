"""Snapshots, pure: values in, one canonical document out; and the same values calculated again.

A document holds text, whole numbers, booleans, null, lists and objects, nothing else: amounts are
decimal text. So there is one way to write it, and its hash means the same everywhere. Whoever has
the document checks it with `verify_snapshot.py`, which knows nothing of this installation.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adoption.metrics.contracts import Computed, Facts, ValueInterval, canonical
from portal.shell.money import nano_text

FORMAT = "plumbline-snapshot/1"
ENVELOPE = "plumbline-signed-snapshot/1"
SMALL_GROUP = "small_group"
UNKNOWN_GROUP = "contributors_unknown"
WITHHELD_REASONS = frozenset({SMALL_GROUP, UNKNOWN_GROUP})
_COUNTS_OF_PEOPLE = frozenset({"contributors", "people"})
_OF_SINGLE_PEOPLE = frozenset({"answers"})  # without names, and still one a person
# What a value is made of, in the order in which a person reads it.
CALCULATED = (
    "value", "reason", "missing", "n", "interval", "coverage", "unknown_share", "currency", "basis",
)  # fmt: skip
WITHHELD_SMALL = "They would tell of fewer people than may be told about."
WITHHELD_COUNT = "It is made of how many people contributed, which is told as “at least” only."


class UnrepeatableValueError(ValueError):
    """A stored value does not follow from its facts; it is not published. Says which."""


class SmallPartError(ValueError):
    """A part of the facts is about fewer people than may be told about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenValue:
    """One value as it goes into a snapshot.

    Attributes:
        computed: what is said about it; of a suppressed one a reason of `WITHHELD_REASONS`.
        facts: canonical text that it is calculated from.
        k: fewest contributors; 0 for what is not about people.
        standing: `approved` or `certified`; `certified_until` of the latter.
    """

    metric: str
    version: str
    definition_sha256: str
    unit: str
    scope_kind: str
    scope_id: int
    scope_name: str
    starts_on: dt.date
    ends_on: dt.date
    zone: str
    computed: Computed
    facts: str
    k: int
    status: str
    standing: str
    certified_until: dt.datetime | None
    data_version: int
    data_as_of: dt.datetime


def moment_text(moment: dt.datetime) -> str:
    """UTC, to the microsecond."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _amount(nano: int | None) -> str | None:
    return None if nano is None else nano_text(nano)


def _interval(interval: ValueInterval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "low": _amount(interval.low_nano),
        "high": _amount(interval.high_nano),
        "method": interval.method,
        "level_percent": interval.level_percent,
    }


def calculated_fields(computed: Computed) -> dict[str, Any]:
    """What calculating gives, as the document writes it. Of a small group nothing but that."""
    if computed.reason in WITHHELD_REASONS:
        return dict.fromkeys(CALCULATED) | {"reason": computed.reason}
    return {
        "value": _amount(computed.nano),
        "reason": computed.reason or None,
        "missing": computed.missing or None,
        "n": computed.n,
        "interval": _interval(computed.interval),
        "coverage": _amount(computed.coverage_nano),
        "unknown_share": _amount(computed.unknown_share_nano),
        "currency": computed.currency or None,
        "basis": computed.basis or None,
    }


def publishable(facts: Any, k: int) -> Any:
    """The same facts with no more than `k` contributors in them, however deep they stand.

    A count of people is told as "at least k"; two snapshots must not show that one person joined.

    Raises:
        SmallPartError: a part of them is about fewer people than `k`, or about single ones.
    """
    if k == 0:
        return facts
    if isinstance(facts, Mapping):
        if _OF_SINGLE_PEOPLE & facts.keys():
            raise SmallPartError
        return {
            key: _at_least(value, k) if _counts_people(key, value) else publishable(value, k)
            for key, value in facts.items()
        }
    if isinstance(facts, list | tuple):
        return [publishable(each, k) for each in facts]
    return facts


def _at_least(count: int, k: int) -> int:
    if count < k:
        raise SmallPartError
    return k


def _counts_people(key: str, value: object) -> bool:
    return key in _COUNTS_OF_PEOPLE and isinstance(value, int) and not isinstance(value, bool)


def value_entry(
    frozen: FrozenValue, calculate: Callable[[Facts], Computed] | None
) -> dict[str, Any]:
    """One value as the document has it.

    Args:
        calculate: how its version computes; None when the code no longer has that version, and
            then its facts go along unchecked.

    Raises:
        UnrepeatableValueError: the value is not what its facts give.
    """
    facts, why_not = _facts_to_publish(frozen, calculate)
    contributors = frozen.computed.contributors
    return {
        "metric": frozen.metric,
        "version": frozen.version,
        "definition_sha256": frozen.definition_sha256,
        "unit": frozen.unit,
        "scope": {
            "kind": frozen.scope_kind,
            "id": frozen.scope_id,
            "name": frozen.scope_name,
        },
        "window": {
            "from": frozen.starts_on.isoformat(),
            "to": frozen.ends_on.isoformat(),
            "zone": frozen.zone,
        },
        **calculated_fields(frozen.computed),
        "contributors_at_least": frozen.k if frozen.k and contributors is not None else None,
        "status": frozen.status,
        "standing": frozen.standing,
        "certified_until": moment_text(frozen.certified_until) if frozen.certified_until else None,
        "data_version": frozen.data_version,
        "data_as_of": moment_text(frozen.data_as_of),
        "facts": facts,
        "facts_sha256": None if facts is None else sha256_of(canonical(facts)),
        "facts_withheld": why_not,
    }


def _facts_to_publish(
    frozen: FrozenValue, calculate: Callable[[Facts], Computed] | None
) -> tuple[Any, str | None]:
    if frozen.computed.reason in WITHHELD_REASONS:
        return None, WITHHELD_SMALL
    facts = json.loads(frozen.facts)
    said = calculated_fields(frozen.computed)
    if calculate is not None and calculated_fields(calculate(facts)) != said:
        raise UnrepeatableValueError(
            f"{frozen.metric} {frozen.version} of {frozen.scope_kind} {frozen.scope_id}, "
            f"{frozen.starts_on} to {frozen.ends_on}: its facts do not give the stored value"
        )
    try:
        shown = publishable(facts, frozen.k)
    except SmallPartError:
        return None, WITHHELD_SMALL
    if calculate is not None and calculated_fields(calculate(shown)) != said:
        return None, WITHHELD_COUNT
    return shown, None


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def content_sha256(content: Mapping[str, Any]) -> str:
    """What a set of values, definitions and dashboards is known by, whoever publishes it when."""
    return sha256_of(canonical(content))


def document_text(
    content: Mapping[str, Any],
    *,
    number: int,
    previous_sha256: str,
    published_at: dt.datetime,
    key_number: int,
    public_key: str,
) -> str:
    """The document of a snapshot: its place in the chain, its key, and everything that it freezes.

    Args:
        content: `definitions`, `values` and `dashboards`.
    """
    values: Sequence[Any] = content["values"]
    return canonical(
        {
            "format": FORMAT,
            "number": number,
            "previous_sha256": previous_sha256 or None,
            "published_at": moment_text(published_at),
            "key": {"algorithm": "Ed25519", "number": key_number, "public_key": public_key},
            "value_count": len(values),
            **content,
        }
    )


def signed_file(document: str, sha256: str, signature: str) -> bytes:
    """What is given away: the document, its hash and the signature over it, in one line."""
    envelope = {
        "format": ENVELOPE,
        "document": json.loads(document),
        "sha256": sha256,
        "signature": signature,
    }
    return canonical(envelope).encode() + b"\n"


@dataclass(slots=True)
class Recalculated:
    """What calculating a snapshot again found.

    Attributes:
        same: values that came out byte for byte.
        different: what is different, one sentence each.
        impossible: values that cannot be calculated here, one sentence each.
        withheld: values whose facts are not in the document, by position.
        suppressed: values that are not told at all, because too few people contributed.
    """

    same: int = 0
    different: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)
    withheld: list[int] = field(default_factory=list)
    suppressed: int = 0


def recalculate(
    document: Mapping[str, Any],
    calculate_of: Callable[[str, str], Callable[[Facts], Computed] | None],
    *,
    facts_of: Mapping[int, Facts] | None = None,
) -> Recalculated:
    """Calculate every value of a document from its facts.

    Args:
        calculate_of: `calculate_of(key, version)`; None when this installation has it not.
        facts_of: facts by position, of values whose facts the document withholds.
    """
    known = facts_of or {}
    found = Recalculated()
    for position, entry in enumerate(document["values"]):
        if entry["reason"] in WITHHELD_REASONS:
            found.suppressed += 1
            continue
        facts = entry["facts"] if entry["facts"] is not None else known.get(position)
        if facts is None:
            found.withheld.append(position)
            continue
        name = f"value {position} ({entry['metric']} {entry['version']})"
        calculate = calculate_of(entry["metric"], entry["version"])
        if calculate is None:
            found.impossible.append(f"{name}: this installation does not have that version")
            continue
        again = canonical(calculated_fields(calculate(facts)))
        said = canonical({field: entry[field] for field in CALCULATED})
        if again == said:
            found.same += 1
        else:
            found.different.append(f"{name}: the snapshot says {said}, its facts give {again}")
    return found


def definition_entries(
    frozen: Iterable[FrozenValue], labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each definition that values refer to, once, in order."""
    seen = {(each.metric, each.version, each.definition_sha256, each.unit) for each in frozen}
    return [
        {
            "metric": metric,
            "version": version,
            "sha256": sha256,
            "unit": unit,
            "label": labels.get(metric, metric),
        }
        for metric, version, sha256, unit in sorted(seen)
    ]
