"""What billing tells people: kinds of notices, and spend against budget in the weekly digest."""

from __future__ import annotations

from billing.services.budget_digest import budget_lines, gets_budgets
from portal.choices import Cadence
from portal.digests import DigestSection, digest_sections
from portal.notice_kinds import NoticeKind, notice_kinds

for _key, _label, _description, _required in (
    ("budget", "Budgets", "50, 80 and 100 % of a budget of yours, and when it will not do.", False),
    ("anomaly", "Unusual cost", "A day of your use case that costs far more than expected.", False),
    ("correction", "Corrected months", "Money of a closed month has moved.", False),
    ("invoice", "New invoices", "An invoice came, by import or entered by somebody else.", False),
    ("difference", "Unexplained invoices",
     "An invoice with its cost lines leaves more than 0.5 % open, and more than 50.", False),
    ("unmapped", "New names without a use case",
     "New keys, workspaces, projects or tags that no rule takes cost more than 50; at most daily.",
     False),
    ("breaker", "Circuit breakers", "A breaker of yours opened: something runs away.", True),
):  # fmt: skip
    notice_kinds.register(NoticeKind(f"billing.{_key}", _label, _description, _required))
digest_sections.register(
    DigestSection(
        "billing.budgets", "Spend against budget", Cadence.WEEKLY, 40, gets_budgets, budget_lines
    )
)
