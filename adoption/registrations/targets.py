"""Adoption targets, attested milestones, and what is measured for them."""

from __future__ import annotations

from adoption.demo.targets import attest, build_targets
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
from adoption.views import home, targets
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.checks import check_registry
from portal.choices import Cadence
from portal.demo import DemoStep, demo_steps
from portal.digests import DigestSection, digest_sections
from portal.notice_kinds import NoticeKind, notice_kinds
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, ObjectPanel, home_panels, object_panels

check_registry(scoped_measures)
navigation.register(
    NavigationEntry("adoption.targets", "Targets", "target-list", "Work", 15, "target")
)
home_panels.register(
    HomePanel("adoption.at_risk", 12, "adoption/_home_at_risk.html", home.at_risk_and_due)
)
object_panels.register(
    ObjectPanel(
        "adoption.targets",
        slot="use_case",
        order=5,
        template="adoption/_use_case_targets.html",
        context=targets.use_case_targets,
        title="Adoption targets",
    )
)
demo_steps.register(DemoStep("adoption.targets", 92, build_targets))
demo_steps.register(DemoStep("adoption.attestation", 95, attest))
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
