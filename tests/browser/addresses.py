"""Every page of the product, and what to put into each address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.browser.visits import Visit, slug_at

ONE = (Visit(),)
ONE_BASIS = "first={month}&last={month}&basis=invoiced"
USE_CASE = (Visit(values=slug_at("use_case.slug")),)
USE_CASES = (
    Visit("full", slug_at("use_case.slug")),
    Visit("bare", slug_at("bare.slug")),
    Visit("stopped", slug_at("stopped.slug")),
)
MILESTONE = (Visit(values=slug_at("use_case.slug", pk="milestone.pk")),)
ATTESTED = (Visit(values=slug_at("use_case.slug", pk="attested.pk")),)
TARGET = (Visit(values={"pk": "target.pk"}),)
TEAM = (Visit(values=slug_at("team.slug")),)
JUDGED = slug_at("judged_case.slug", pk="judged.pk")
PROGRAMME = (Visit(values=slug_at("programme.slug")),)
CONNECTION = (Visit(values=slug_at("connection.slug")),)
RULE = (Visit(values={"key": "rule.key"}),)
BUDGET = (Visit(values={"pk": "budgets.month.pk"}),)
BOARD = (Visit("approved", slug_at("board.slug")),)
BREAKER = (Visit(values={"pk": "breaker.pk"}),)
WEBHOOK = (Visit(values={"pk": "webhook.pk"}),)
PERSON = {"pk": "newcomer.pk"}
FORM = (Visit(),)
OWN_FACTOR = (Visit(who="auditor"),)
LIST = (Visit("all"), Visit("nothing", query="q=nothing-like-it"))

PAGES: Mapping[str, Sequence[Visit]] = {
    # portal
    "home": ONE,
    "sign-in": (Visit(who="nobody"),),
    "connection-list": LIST,
    "connection-new": (
        Visit("choice"),
        Visit("focus", query="source=focus"),
        Visit("git", query="source=git"),
        Visit("anthropic", query="source=anthropic"),
    ),
    "connection": (
        *CONNECTION,
        Visit("quiet", slug_at("quiet.slug")),
        Visit("fetched", slug_at("fetched.slug")),
    ),
    "connection-fetch": (Visit(values=slug_at("fetched.slug")),),
    "connection-edit": CONNECTION,
    "connection-upload": CONNECTION,
    "import-run-list": (Visit("all"), Visit("held", query="status=held")),
    "import-run": tuple(
        Visit(name, {"pk": f"runs.{name}.pk"})
        for name in (
            "mixed", "revised", "refused", "held", "dry", "discarded", "replayed", "waiting",
        )
    ),
    "rejected-row-list": LIST,
    "rejected-row": tuple(
        Visit(name, {"pk": f"rows.{name}.pk"}) for name in ("waiting", "mended", "dismissed")
    ),
    "api-token-list": LIST,
    "api-token-list-all": LIST,
    "api-token-new": ONE,
    "api-token": tuple(
        Visit(name, {"pk": f"tokens.{name}.pk"}) for name in ("used", "replaced", "revoked")
    ),
    "api-token-rotate": (Visit(values={"pk": "tokens.used.pk"}),),
    "api-token-revoke": (Visit(values={"pk": "tokens.used.pk"}),),
    "notice-settings": ONE,
    "notice-list": LIST,
    "webhook-list": ONE,
    "webhook-new": FORM,
    "webhook": WEBHOOK,
    "webhook-edit": (Visit(values={"pk": "webhook.pk"}),),
    "webhook-end": (Visit(values={"pk": "webhook.pk"}),),
    "webhook-delivery": (Visit(values={"pk": "webhook_event.pk"}),),
    # approvals
    "approval-list": (
        Visit("waiting", who="auditor"),
        Visit("all", query="view=all"),
        Visit("nothing"),
    ),
    "approval": (
        Visit("to decide", {"pk": "requests.pending.pk"}, who="auditor"),
        Visit("own", {"pk": "requests.pending.pk"}),
        *(
            Visit(name, {"pk": f"requests.{name}.pk"})
            for name in ("approved", "rejected", "withdrawn")
        ),
        Visit("decided alone", {"pk": "alone.pk"}),
    ),
    "approval-rules": ONE,
    "approval-rules-ask": (Visit(values={"kind": "=portal.role"}),),
    "break-glass-list": ONE,
    "break-glass-open": FORM,
    "break-glass": (
        Visit("open", {"pk": "glasses.open.pk"}),
        Visit("to review", {"pk": "glasses.unreviewed.pk"}, who="auditor"),
        Visit("reviewed", {"pk": "glasses.reviewed.pk"}),
    ),
    # people and one's own account
    "person-list": ONE,
    "role-grant-list": ONE,
    "person": (
        Visit("long", PERSON),
        Visit("left", {"pk": "leaver.pk"}),
        Visit("seen by the auditor", PERSON, who="auditor"),
    ),
    "person-action": (Visit("deactivate", {**PERSON, "action": "=deactivate"}),),
    "person-erasure": (
        Visit("of a leaver", {"pk": "leaver.pk"}),
        Visit("seen by the auditor", PERSON, who="auditor"),
    ),
    "role-ask": (Visit(values=PERSON),),
    "role-revoke": (Visit(values={**PERSON, "role": "=finance"}),),
    "account": (Visit("plain"), Visit("with a second factor", who="auditor")),
    "account-password": FORM,
    "account_reauthenticate": FORM,
    "mfa_activate_totp": FORM,
    "mfa_authenticate": (Visit(who="before code"),),
    "mfa_reauthenticate": OWN_FACTOR,
    "mfa_deactivate_totp": OWN_FACTOR,
    "mfa_view_recovery_codes": OWN_FACTOR,
    "mfa_generate_recovery_codes": OWN_FACTOR,
    # audit and background work
    "audit": (
        Visit("all", who="auditor"),
        Visit("nothing", query="q=no-such-thing", who="auditor"),
    ),
    "audit-event": tuple(
        Visit(name, {"pk": f"events.{name}.pk"}, who="auditor") for name in ("changed", "made")
    ),
    "audit-seals": (Visit(who="auditor"),),
    "work-list": ONE,
    "work-item": (
        Visit("held", {"pk": "work.held.pk"}),
        Visit("done", {"pk": "work.done.pk"}),
    ),
    # adoption
    "portfolio": (*LIST, Visit("by team", query="group=team")),
    "use-case-new": ONE,
    "use-case": (*USE_CASES, Visit("draft", slug_at("draft.slug"))),
    "registration-problem": (Visit(values=slug_at("draft.slug")),),
    "registration-benefit": (Visit(values=slug_at("draft.slug")),),
    "registration-risk": (Visit(values=slug_at("draft.slug")),),
    "use-case-record": (*USE_CASE, Visit("bare", slug_at("bare.slug"))),
    "use-case-record-edit": USE_CASE,
    "use-case-comment-new": USE_CASE,
    "use-case-decision-new": USE_CASE,
    "use-case-comment-withdraw": (Visit(values=slug_at("use_case.slug", pk="comment.pk")),),
    "use-case-link-new": USE_CASE,
    "use-case-link-remove": (Visit(values=slug_at("use_case.slug", pk="document.pk")),),
    "use-case-edit": USE_CASE,
    "use-case-stage": USE_CASE,
    "repository-link-new": USE_CASE,
    "repository-link-end": (Visit(values=slug_at("use_case.slug", pk="link.pk")),),
    "milestone-new": USE_CASE,
    "milestone-edit": MILESTONE,
    "milestone-remove": MILESTONE,
    "milestone-attested-new": USE_CASE,
    "milestone-attested-edit": ATTESTED,
    "milestone-attest": ATTESTED,
    "target-list": LIST,
    "target-new": ONE,
    "target": (
        Visit("at risk", {"pk": "target.pk"}), Visit("withdrawn", {"pk": "withdrawn_target.pk"}),
    ),
    "target-edit": TARGET,
    "target-withdraw": TARGET,
    "use-case-deliveries": USE_CASES,
    "use-case-changes": USE_CASES,
    "verdict-list": (*LIST, Visit("inconclusive", query="word=inconclusive")),
    "calibration": ONE,
    "registration-new": USE_CASE,
    "registration": (
        Visit("judged", JUDGED),
        Visit("running", slug_at("use_case.slug", pk="running.pk")),
        Visit("waiting", slug_at("use_case.slug", pk="unapproved.pk")),
    ),
    "registration-withdraw": (Visit(values=slug_at("use_case.slug", pk="unapproved.pk")),),
    "registration-ask": (Visit(values=slug_at("use_case.slug", pk="unapproved.pk")),),
    "registration-amend": (Visit(values=slug_at("use_case.slug", pk="running.pk")),),
    "registration-losses": (Visit(values=slug_at("use_case.slug", pk="running.pk")),),
    "registration-decide": (Visit(values=JUDGED),),
    "unit-value-new": USE_CASE,
    "my-deliveries": LIST,
    "log-delivery": (
        Visit("blank"),
        Visit("chosen", query="use_case={use_case.slug}"),
        Visit("link", query="use_case={use_case.slug}&link=https://wiki.acme.example/new"),
    ),
    "own-data": (Visit("full"), Visit("little", who="auditor")),
    "use-case-marks": USE_CASE,
    "delivery-reviews": ONE,
    "delivery": (
        Visit("of a change", {"pk": "own.pk"}),
        Visit("of a link", {"pk": "own_link.pk"}),
    ),
    "delivery-withdraw": (Visit(values={"pk": "own.pk"}),),
    "delivery-review": (Visit(values={"pk": "to_review.pk"}),),
    "hook-list": LIST,
    "hook": tuple(Visit(name, {"pk": f"hooks.{name}.pk"}) for name in ("taken", "refused")),
    "hook-replay": (Visit(values={"pk": "hooks.taken.pk"}),),
    "hook-connection": (Visit(values={"slug": "hooked.slug"}),),
    "hook-secret-new": (Visit(values={"slug": "hooked.slug"}),),
    "hook-secret-withdraw": (
        Visit(values={"slug": "hooked.slug", "pk": "hook_secret.pk"}),
    ),
    "identity-list": LIST,
    "identity": (
        Visit("open", {"pk": "identities.open.pk"}),
        Visit("said", {"pk": "identities.said.pk"}),
    ),
    "identity-resolve": (Visit(values={"pk": "identities.open.pk"}),),
    "identity-split": (Visit(values={"pk": "identities.said.pk"}),),
    "identity-nobody": (Visit(values={"pk": "identities.open.pk"}),),
    "identity-undo": (
        Visit(values={"pk": "identities.said.pk", "link": "identities.link.pk"}),
    ),
    "service-list": LIST,
    "service": (Visit(values={"pk": "service.pk"}),),
    "finding-list": LIST,
    "finding-acknowledge": (Visit(values={"pk": "finding.pk"}),),
    "service-dora": (Visit(values={"pk": "service.pk"}),),
    "service-split": (Visit(values={"pk": "service.pk"}),),
    "programme-list": ONE,
    "programme-new": ONE,
    "programme": PROGRAMME,
    "programme-edit": PROGRAMME,
    "team-list": ONE,
    "team-new": ONE,
    "team-import": FORM,
    "group-team-list": ONE,
    "group-team-new": FORM,
    "group-team-remove": (Visit(values={"pk": "group_team.pk"}),),
    "team": TEAM,
    "team-edit": TEAM,
    "membership-new": TEAM,
    "membership-end": (Visit(values=slug_at("team.slug", pk="membership.pk")),),
    "dashboard-list": LIST,
    "dashboard-new": FORM,
    "dashboard": (*BOARD, Visit("draft", slug_at("draft_board.slug"))),
    "dashboard-version": (Visit(values=slug_at("board.slug", number="=1")),),
    "dashboard-tile": (Visit(values=slug_at("board.slug", place="=2")),),
    "dashboard-print": BOARD,
    "dashboard-embed": BOARD,
    "dashboard-edit": BOARD,
    "dashboard-build": (*BOARD, Visit("empty", slug_at("draft_board.slug"))),
    "dashboard-submit": (Visit(values=slug_at("draft_board.slug")),),
    "dashboard-deprecate": BOARD,
    "snapshot-list": ONE,
    "snapshot": (Visit(values={"number": "snapshot.number"}),),
    "metric-list": ONE,
    "metric": (
        Visit("count", {"key": "=held_deliveries"}),
        Visit("money", {"key": "=effective_cost_per_held_delivery"}),
    ),
    "metric-values": (
        Visit("series", {"key": "=held_deliveries"}),
        Visit("nothing", {"key": "=ai_production_deployments"}),
    ),
    "metric-value": (
        Visit("shown", {"pk": "metric_value.pk"}),
        Visit("withheld", {"pk": "metric_small.pk"}),
    ),
    "metric-standing-new": (Visit(values={"key": "=held_deliveries"}),),
    "metric-standing": (
        Visit("certified", {"pk": "metric_standing.pk"}),
        Visit("draft", {"pk": "metric_draft.pk"}),
    ),
    "metric-standing-propose": (Visit(values={"pk": "metric_draft.pk"}),),
    "metric-standing-suspend": (Visit(values={"pk": "metric_standing.pk"}),),
    "metric-standing-deprecate": (Visit(values={"pk": "metric_standing.pk"}),),
    "metric-standing-retire": (Visit(values={"pk": "metric_standing.pk"}),),
    "metric-of-use-case": (
        Visit("value", {"key": "=held_deliveries", "slug": "use_case.slug"}),
        Visit("money", {"key": "=effective_cost_per_held_delivery", "slug": "use_case.slug"}),
        Visit("missing", {"key": "=effective_cost_per_held_delivery", "slug": "bare.slug"}),
    ),
    # billing
    "costs": (
        Visit("newest"),
        Visit("by service", query="group=service"),
        Visit("by use case", query="group=use_case"),
        Visit("filtered", query="currency=USD&basis=invoiced&provider=Cloud&service=Gateway"),
        Visit("nothing", query="use_case={bare.slug}"),
        Visit("impossible", query="from=soon&use_case=no-such-thing"),
        Visit("columns", query="group=service&across=month"),
        Visit("team and model", query="group=team&across=model&measure=effective"),
        Visit("as of", query="from={month}&to={month}&as_of=2026-01-01T00:00:00Z&group=service"),
        Visit("as of too much", query="from=2020-01&to={month}&as_of=2026-01-01T00:00:00Z"),
    ),
    "costs-unmapped": (
        Visit("all"),
        Visit("by tag", query="by=tag"),
        Visit("as of", query="first={month}&last={month}&as_of={now}"),
    ),
    "cost-overlaps": ONE,
    "cost-overlap-new": (Visit(),),
    "cost-overlap-end": (Visit(values={"pk": "overlap.pk"}),),
    "cost-exports": ONE,
    "costs-unallocated": (
        Visit("sub-account"),
        Visit("by tag", query="by=tag"),
        Visit("as of", query="month={month}&by=service&as_of={now}"),
        Visit("as of too early", query="month={month}&as_of=2020-01-01"),
    ),
    "cost-definitions": ONE,
    "cost-lineage": (
        Visit("use case", query="use_case={use_case.slug}&month={month}&measure=effective"),
        Visit("as of", query="use_case={use_case.slug}&month={month}&as_of=2026-01-01T00:00:00Z"),
    ),
    "charge": (Visit(values={"pk": "charge.pk"}),),
    "restatements": (Visit("all"), Visit("as of", query="as_of={now}")),
    "price-plan-list": LIST,
    "price-plan-new": FORM,
    "price-plan-end": (Visit(values={"pk": "plan.pk"}),),
    "seats-new": ONE,
    "allocation-rules": LIST,
    "allocation-rule-new": ONE,
    "allocation-rule": (*RULE, Visit("retired", {"key": "retired_rule.key"})),
    "allocation-rule-edit": RULE,
    "allocation-rule-retire": RULE,
    "budgets": (
        *LIST,
        Visit("ended", query="state=ended"),
        Visit("as of", query="as_of={now}"),
        Visit("impossible", query="as_of=soon"),
    ),
    "budget-new": FORM,
    "budget": (
        *(Visit(name, {"pk": f"budgets.{name}.pk"}) for name in ("month", "quarter")),
        Visit("as of", {"pk": "budgets.quarter.pk"}, "as_of={now}"),
    ),
    "budget-edit": BUDGET,
    "budget-end": BUDGET,
    "forecasts": LIST,
    "anomalies": LIST,
    "anomaly": tuple(
        Visit(name, {"pk": f"anomalies.{name}.pk"}) for name in ("waiting", "answered")
    ),
    "anomaly-policies": FORM,
    "anomaly-policy-edit": (Visit(values={"currency": "=USD"}),),
    "breakers": LIST,
    "breaker-new": FORM,
    "breaker": BREAKER,
    "breaker-end": BREAKER,
    "usage": ONE,
    "invoices": LIST,
    "invoice-new": FORM,
    "invoice": (
        Visit("closed", {"pk": "closing.invoice.pk"}),
        Visit("explained", {"pk": "closing.open_invoice.pk"}),
    ),
    "invoice-change": (Visit(values={"pk": "closing.open_invoice.pk"}),),
    "invoice-withdraw": (Visit(values={"pk": "closing.open_invoice.pk"}),),
    "invoice-attach": (Visit(values={"pk": "closing.open_invoice.pk"}),),
    "invoice-explain": (Visit(values={"pk": "closing.open_invoice.pk"}),),
    "explanation-withdraw": (Visit(values={"pk": "closing.variance.pk"}),),
    "reconciliation": (
        Visit("month", query="month=2026-05"), Visit("nothing", query="month=2020-01"),
    ),
    "close-checklist": (
        Visit("month", query="month=2026-05"), Visit("nothing", query="month=2020-01"),
    ),
    "close": (Visit(values={"key": "closing.closed.key"}),),
    "close-ask": (Visit(values={"key": "closing.ready.key"}),),
    "corrections": LIST,
    "exchange-rates": LIST,
    "exchange-rate-new": FORM,
}  # fmt: skip
