"""What billing registers with the portal, a file for each noun.

Imported by `BillingConfig.ready()`.
"""

from __future__ import annotations

from billing.registrations import costs, plans, rules, sources  # noqa: F401  (importing them registers)
