"""An outcome as one JSON document: the same bytes wherever it is computed again.

Fractions are written as text with twelve significant digits. The thirteenth may differ between
machines, because libraries of linear algebra add in another order; a verdict does not hang on it.
"""

from __future__ import annotations

import hashlib
import json
import math
from importlib.metadata import version
from typing import Any

from adoption.validation.protocol import Observed, Outcome, Protocol, sample_size
from adoption.validation.results import Estimate, Interval

SCHEMA = 1
LIBRARIES = ("numpy", "scipy", "statsmodels")


def digits(value: float | None) -> str | None:
    """A number with twelve significant digits; infinity in words, None as it is."""
    if value is None:
        return None
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return "nan" if math.isnan(value) else f"{value:.12g}"


def number(text: str | None) -> float | None:
    """What `digits` wrote, as a number."""
    return None if text is None else float(text)


def _interval(found: Interval | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "low": digits(found.low),
        "high": digits(found.high),
        "level": digits(found.level),
        "method": found.method,
    }


def _estimate(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "scale": found.scale.value,
        "effect": digits(found.effect),
        "interval": _interval(found.interval),
        "p_value": digits(found.p_value),
        "method": found.method,
        "n": {name: digits(float(size)) for name, size in found.n.items()},
        "standard_error": digits(found.standard_error),
        "dispersion": digits(found.dispersion),
        "warnings": list(found.warnings),
        "details": {name: digits(value) for name, value in found.details.items()},
    }


def document(protocol: Protocol, observed: Observed, outcome: Outcome) -> dict[str, Any]:
    """Everything about an outcome, as plain values; fractions are texts."""
    check, lost, settling = outcome.placebo, outcome.losses, outcome.settling
    return {
        "schema": SCHEMA,
        "libraries": {name: version(name) for name in LIBRARIES},
        "method": protocol.method.value,
        "seed": protocol.seed,
        "alpha": digits(protocol.alpha),
        "n_before": sample_size(protocol.method, observed.units),
        "n_after": sample_size(protocol.method, observed.units, "after"),
        "verdict": outcome.finding.verdict.value,
        "reading": outcome.finding.reading.value if outcome.finding.reading else None,
        "is_practical": outcome.finding.is_practical,
        "reasons": list(outcome.finding.reasons),
        "deviations": list(observed.deviations),
        "estimate": _estimate(outcome.estimate),
        "guardrails": [
            {
                "key": each.key,
                "scale": each.scale.value,
                "worse": each.worse.value,
                "margin": digits(each.margin),
                "interval": _interval(each.interval),
                "state": each.state.value,
            }
            for each in outcome.guardrails
        ],
        "placebo": check
        and {
            "kind": check.kind,
            "passed": check.passed,
            "note": check.note,
            "interval": _interval(check.estimate.interval if check.estimate else None),
        },
        "losses": lost
        and {
            "before": digits(lost.before),
            "after": digits(lost.after),
            "warnings": list(lost.warnings),
        },
        "settling": {
            "events_for_seen": settling.events_for_seen,
            "weeks_for_seen": settling.weeks_for_seen,
            "weeks_for_interest": settling.weeks_for_interest,
        },
    }


def as_text(found: dict[str, Any]) -> str:
    """The one way to write a document down."""
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def text_sha256(text: str) -> str:
    """What a written document is known by."""
    return hashlib.sha256(text.encode()).hexdigest()
