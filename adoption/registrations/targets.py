"""Adoption targets, attested milestones, and what is measured for them."""

from __future__ import annotations

from adoption.metrics import (  # noqa: F401  (importing registers the metrics)
    alignment,
    scoped,
    team_outcomes,
)
from adoption.metrics.scoped import scoped_measures
from adoption.selectors.weekly_digest import (
    at_risk_lines,
    decision_lines,
    happened_lines,
    leads_programmes,
)
from adoption.services.attestations import ATTESTATIONS
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.checks import check_registry
from portal.choices import Cadence
from portal.digests import DigestSection, digest_sections
from portal.notice_kinds import NoticeKind, notice_kinds

check_registry(scoped_measures)
approval_kinds.register(ATTESTATIONS)
for _model in ("AdoptionTarget", "TargetEvent", "MilestoneAttestation"):
    governed(f"adoption.{_model}")

for _key, _label, _description in (
    ("milestone", "Milestones", "One of your use cases missed a milestone, has it at risk, or a "
     "figure behind it was restated."),
    ("target", "Adoption targets", "The same for targets that you set or that serve your "
     "milestones."),
):  # fmt: skip
    notice_kinds.register(NoticeKind(f"adoption.{_key}", _label, _description))
for _order, _name, _title, _build in (
    (10, "happened", "Milestones and targets", happened_lines),
    (20, "at_risk", "At risk", at_risk_lines),
    (30, "decisions", "Decisions due", decision_lines),
):
    digest_sections.register(
        DigestSection(f"adoption.{_name}", _title, Cadence.WEEKLY, _order, leads_programmes, _build)
    )
