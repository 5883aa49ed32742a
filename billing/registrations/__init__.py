"""What billing registers with the portal, a file for each noun.

Imported by `BillingConfig.ready()`.
"""

from __future__ import annotations

from billing.registrations import (  # noqa: F401  (importing them registers)
    closes,
    costs,
    digests,
    metrics,
    overlaps,
    plans,
    rules,
    sources,
    splits,
    unmapped,
    watch,
)
