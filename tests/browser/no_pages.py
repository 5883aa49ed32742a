"""Addresses that are no page: parts of pages, what only takes a form, downloads and the like."""

from __future__ import annotations

from collections.abc import Mapping

from tests.browser.addresses import JUDGED, ONE_BASIS
from tests.browser.visits import Elsewhere, Visit, slug_at

# Parts of pages, asked for by pages above.
FRAGMENTS: Mapping[str, Visit] = {
    "use-case-similar": Visit(query="title=Call+summaries"),
    "log-delivery-link": Visit(query="link=https://wiki.acme.example/new"),
    "log-delivery-changes": Visit(query="use_case={use_case.slug}"),
    "verdict-progress": Visit(),
}

# They only take what a form or an identity provider sends.
SAML = {"organization_slug": "=saml"}
ACTIONS: Mapping[str, Visit] = {
    "connection-probe": Visit(values=slug_at("fetched.slug")),
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
    "cost-export-business-metrics": Elsewhere(Visit(query=ONE_BASIS), 200, "A download."),
    "invoice-document": Elsewhere(Visit(values={"pk": "closing.invoice.pk"}), 200, "A download."),
    "charge-document": Elsewhere(Visit(values={"pk": "seat_purchase.pk"}), 200, "A download."),
    "close-journal": Elsewhere(Visit(query="month=2026-05"), 200, "A download."),
    "close-workbook": Elsewhere(Visit(query="month=2026-05"), 200, "A download."),
    "dashboard-export": Elsewhere(Visit(values=slug_at("board.slug")), 200, "A download."),
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
