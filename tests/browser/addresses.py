"""Every page of the product: what the URL configuration has, and what to put into each address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.browser.server import Site

NOT_PAGES = ("api/", "ops/", "ops", "healthz", "readyz")


@dataclass(frozen=True)
class Visit:
    """One visit of a page.

    Attributes:
        label: sets it apart from other visits of the same route.
        values: by name of an argument of the route, where the story has it (`use_case.slug`,
            `runs.held.pk`), or `=text` for a plain value.
        query: of the address; `{…}` is replaced by what the story has there.
        who: a session of the story, or `nobody`.
    """

    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    who: str = "viewer"

    def address(self, route: str, site: Site) -> str:
        """The address of this visit, without the host."""
        known = {
            name: where[1:] if where.startswith("=") else site.value(where)
            for name, where in self.values.items()
        }
        query = re.sub(r"{(.+?)}", lambda found: quote(site.value(found[1])), self.query)
        return reverse(route, kwargs=known) + (f"?{query}" if query else "")


@dataclass(frozen=True)
class Elsewhere:
    """An address that is no page here: what it answers to a look, and why it is not visited."""

    visit: Visit
    status: int
    why: str


def named_routes() -> set[str]:
    """Names of all addresses that may be pages: not the API, not what machines ask."""
    return {name for name, route in _walk(get_resolver().url_patterns, "") if name and _may(route)}


def _may(route: str) -> bool:
    return not route.startswith(NOT_PAGES)


def _walk(
    patterns: Sequence[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str | None, str]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        else:
            yield each.name, route


def _slug(where: str, **more: str) -> dict[str, str]:
    return {"slug": where, **more}


ONE = (Visit(),)
ONE_BASIS = "first={month}&last={month}&basis=invoiced"
USE_CASE = (Visit(values=_slug("use_case.slug")),)
USE_CASES = (
    Visit("full", _slug("use_case.slug")),
    Visit("bare", _slug("bare.slug")),
    Visit("stopped", _slug("stopped.slug")),
)
MILESTONE = (Visit(values=_slug("use_case.slug", pk="milestone.pk")),)
ATTESTED = (Visit(values=_slug("use_case.slug", pk="attested.pk")),)
TARGET = (Visit(values={"pk": "target.pk"}),)
TEAM = (Visit(values=_slug("team.slug")),)
JUDGED = _slug("judged_case.slug", pk="judged.pk")
PROGRAMME = (Visit(values=_slug("programme.slug")),)
CONNECTION = (Visit(values=_slug("connection.slug")),)
RULE = (Visit(values={"key": "rule.key"}),)
BUDGET = (Visit(values={"pk": "budgets.month.pk"}),)
BOARD = (Visit("approved", _slug("board.slug")),)
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
        Visit("quiet", _slug("quiet.slug")),
        Visit("fetched", _slug("fetched.slug")),
    ),
    "connection-fetch": (Visit(values=_slug("fetched.slug")),),
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
    "use-case": (*USE_CASES, Visit("draft", _slug("draft.slug"))),
    "registration-problem": (Visit(values=_slug("draft.slug")),),
    "registration-benefit": (Visit(values=_slug("draft.slug")),),
    "registration-risk": (Visit(values=_slug("draft.slug")),),
    "use-case-record": (*USE_CASE, Visit("bare", _slug("bare.slug"))),
    "use-case-record-edit": USE_CASE,
    "use-case-comment-new": USE_CASE,
    "use-case-decision-new": USE_CASE,
    "use-case-comment-withdraw": (Visit(values=_slug("use_case.slug", pk="comment.pk")),),
    "use-case-link-new": USE_CASE,
    "use-case-link-remove": (Visit(values=_slug("use_case.slug", pk="document.pk")),),
    "use-case-edit": USE_CASE,
    "use-case-stage": USE_CASE,
    "repository-link-new": USE_CASE,
    "repository-link-end": (Visit(values=_slug("use_case.slug", pk="link.pk")),),
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
        Visit("running", _slug("use_case.slug", pk="running.pk")),
        Visit("waiting", _slug("use_case.slug", pk="unapproved.pk")),
    ),
    "registration-withdraw": (Visit(values=_slug("use_case.slug", pk="unapproved.pk")),),
    "registration-ask": (Visit(values=_slug("use_case.slug", pk="unapproved.pk")),),
    "registration-amend": (Visit(values=_slug("use_case.slug", pk="running.pk")),),
    "registration-losses": (Visit(values=_slug("use_case.slug", pk="running.pk")),),
    "registration-decide": (Visit(values=JUDGED),),
    "unit-value-new": USE_CASE,
    "my-deliveries": LIST,
    "log-delivery": (
        Visit("blank"),
        Visit("chosen", query="use_case={use_case.slug}"),
        Visit("link", query="use_case={use_case.slug}&link=https://wiki.acme.example/new"),
    ),
    "own-data": (Visit("full"), Visit("little", who="auditor")),
    "digest-choice": FORM,
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
    "membership-end": (Visit(values=_slug("team.slug", pk="membership.pk")),),
    "dashboard-list": LIST,
    "dashboard-new": FORM,
    "dashboard": (*BOARD, Visit("draft", _slug("draft_board.slug"))),
    "dashboard-version": (Visit(values=_slug("board.slug", number="=1")),),
    "dashboard-tile": (Visit(values=_slug("board.slug", place="=2")),),
    "dashboard-print": BOARD,
    "dashboard-embed": BOARD,
    "dashboard-edit": BOARD,
    "dashboard-build": (*BOARD, Visit("empty", _slug("draft_board.slug"))),
    "dashboard-submit": (Visit(values=_slug("draft_board.slug")),),
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
    ),
    "costs-unmapped": (Visit("all"), Visit("by tag", query="by=tag")),
    "cost-overlaps": ONE,
    "cost-overlap-new": (Visit(),),
    "cost-overlap-end": (Visit(values={"pk": "overlap.pk"}),),
    "cost-exports": ONE,
    "costs-unallocated": (Visit("sub-account"), Visit("by tag", query="by=tag")),
    "cost-definitions": ONE,
    "cost-lineage": (
        Visit("use case", query="use_case={use_case.slug}&month={month}&measure=effective"),
        Visit("as of", query="use_case={use_case.slug}&month={month}&as_of=2026-01-01T00:00:00Z"),
    ),
    "charge": (Visit(values={"pk": "charge.pk"}),),
    "restatements": ONE,
    "price-plan-list": LIST,
    "price-plan-new": FORM,
    "price-plan-end": (Visit(values={"pk": "plan.pk"}),),
    "seats-new": ONE,
    "allocation-rules": LIST,
    "allocation-rule-new": ONE,
    "allocation-rule": (*RULE, Visit("retired", {"key": "retired_rule.key"})),
    "allocation-rule-edit": RULE,
    "allocation-rule-retire": RULE,
    "budgets": (*LIST, Visit("ended", query="state=ended")),
    "budget-new": FORM,
    "budget": tuple(Visit(name, {"pk": f"budgets.{name}.pk"}) for name in ("month", "quarter")),
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

# Parts of pages, asked for by pages above.
FRAGMENTS: Mapping[str, Visit] = {
    "use-case-similar": Visit(query="title=Call+summaries"),
    "log-delivery-link": Visit(query="link=https://wiki.acme.example/new"),
    "log-delivery-changes": Visit(query="use_case={use_case.slug}"),
}

# They only take what a form or an identity provider sends.
SAML = {"organization_slug": "=saml"}
ACTIONS: Mapping[str, Visit] = {
    "connection-probe": Visit(values=_slug("fetched.slug")),
    "sign-out": Visit(),
    "theme": Visit(),
    "account-sessions-end": Visit(),
    "account-session-end": Visit(values={"pk": "=1"}),
    "saml_acs": Visit(values=SAML),
    **{
        f"import-run-{name}": Visit(values={"pk": "runs.held.pk"})
        for name in ("replay", "release", "discard")
    },
    **{
        f"approval-{name}": Visit(values={"pk": "requests.pending.pk"})
        for name in ("decide", "withdraw")
    },
    **{
        f"break-glass-{name}": Visit(values={"pk": "glasses.open.pk"})
        for name in ("close", "review")
    },
    "notices-read": Visit(),
    "suggestion-answer": Visit(values={"pk": "suggestion.pk"}),
    "suggestions-confirm": Visit(),
    "change-correct": Visit(values={"pk": "suggested_change.pk"}),
    "identity-disown": Visit(values={"pk": "own_identity.pk"}),
    "webhook-test": Visit(values={"pk": "webhook.pk"}),
    "webhook-replay": Visit(values={"pk": "webhook_event.pk"}),
    "anomaly-answer": Visit(values={"pk": "anomalies.waiting.pk"}),
    "breaker-reset": Visit(values={"pk": "breaker.pk"}),
    **{f"work-item-{name}": Visit(values={"pk": "work.held.pk"}) for name in ("retry", "discard")},
}

NO_PROVIDER = "Leads to or from an identity provider, and none is configured here."
ELSEWHERE: Mapping[str, Elsewhere] = {
    "account_login": Elsewhere(Visit(who="nobody"), 200, "The page `sign-in`, by another name."),
    "mfa_index": Elsewhere(Visit(), 200, "The page `account`, by another name."),
    "second-factor-needed": Elsewhere(
        Visit(), 302, "Leads to the account where no second factor is asked for, as here."
    ),
    "registration-facts": Elsewhere(Visit(values=JUDGED), 200, "A download."),
    "cost-export-focus": Elsewhere(Visit(query=ONE_BASIS), 200, "A download."),
    "cost-export-unit-costs": Elsewhere(Visit(query=ONE_BASIS), 200, "A download."),
    "invoice-document": Elsewhere(Visit(values={"pk": "closing.invoice.pk"}), 200, "A download."),
    "close-journal": Elsewhere(Visit(query="month=2026-05"), 200, "A download."),
    "close-workbook": Elsewhere(Visit(query="month=2026-05"), 200, "A download."),
    "dashboard-export": Elsewhere(Visit(values=_slug("board.slug")), 200, "A download."),
    "snapshot-file": Elsewhere(Visit(values={"number": "snapshot.number"}), 200, "A download."),
    "snapshot-heads": Elsewhere(Visit(), 200, "A download."),
    "snapshot-verifier": Elsewhere(Visit(), 200, "A download."),
    "use-case-export": Elsewhere(Visit(), 200, "A download."),
    "own-data-export": Elsewhere(Visit(), 200, "A download."),
    "audit-export": Elsewhere(Visit(who="auditor"), 200, "A download."),
    "sign-in-oidc": Elsewhere(Visit(who="nobody"), 404, NO_PROVIDER),
    "sign-in-oidc-callback": Elsewhere(Visit(who="nobody"), 404, NO_PROVIDER),
    **{
        f"saml_{name}": Elsewhere(Visit(values=SAML, who="nobody"), 404, NO_PROVIDER)
        for name in ("login", "finish_acs", "metadata", "sls")
    },
}
