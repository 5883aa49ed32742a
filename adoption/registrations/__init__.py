"""What adoption registers with the portal, a file for each noun.

Imported by `AdoptionConfig.ready()`.
"""

from __future__ import annotations

from adoption.registrations import (  # noqa: F401  (importing registers)
    boards,
    delivery_metrics,
    deploy_sources,
    hooks,
    impact,
    metric_values,
    outcomes,
    people,  # noqa: F401  (importing registers)
    records,  # noqa: F401  (importing registers)
    registry,
    sources,
    suggestions,
    targets,  # noqa: F401  (importing registers)
)
