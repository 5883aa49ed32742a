"""What adoption registers with the portal, a file for each noun.

Imported by `AdoptionConfig.ready()`.
"""

from __future__ import annotations

from adoption.registrations import (  # noqa: F401  (importing registers)
    deploy_sources,
    hooks,
    outcomes,
    registry,
    sources,
    suggestions,
)
