"""A definition written down: the text that is versioned, hashed, approved and shown.

Code is not in it. That a calculation changed without its text shows when the same facts give
another value than the stored one, which a fill refuses.
"""

from __future__ import annotations

import hashlib
from typing import Any

from adoption.metrics.contracts import canonical
from adoption.metrics.registry import MetricDefinition


def definition_document(metric: MetricDefinition) -> dict[str, Any]:
    """Everything that the definition promises, as plain JSON without fractions."""
    document: dict[str, Any] = {
        "key": metric.key,
        "version": metric.version,
        "label": metric.label,
        "unit": metric.unit,
        "formula": metric.formula,
        "inputs": sorted(metric.inputs),
        "comparators": [str(each) for each in metric.comparators],
        "decision": metric.decision,
    }
    windowed = metric.windowed
    if windowed is not None:
        document["catalogue"] = {
            "number": windowed.number,
            "scope": str(windowed.scope),
            "window": str(windowed.window),
            "matures_after_hours": int(windowed.matures_after.total_seconds()) // 3600,
            "minimum_n": windowed.minimum_n,
            "k": windowed.k,
            "coverage_bound_nano": windowed.coverage_bound_nano,
            "better": str(windowed.better),
            "dimension": str(windowed.dimension),
            "is_value": windowed.is_value,
            "is_effect": windowed.sample is not None,
            "guardrails": sorted(windowed.guardrails),
            "resists": dict(windowed.resists),
            "readers": windowed.readers,
            "withheld_from": windowed.withheld_from,
        }
    return document


def document_sha256(document: dict[str, Any]) -> str:
    """What a definition is known by."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()
