"""What adoption registers with the portal, a file for each noun.

Imported by `AdoptionConfig.ready()`.
"""

from __future__ import annotations

from adoption.registrations import deploy_sources, hooks, outcomes, registry, sources, targets  # noqa: F401  (importing registers)
