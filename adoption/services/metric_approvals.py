"""The approval of a metric version in a scope: bound to exactly the numbers that were seen."""

from __future__ import annotations

import datetime as dt

from adoption.approvals import metric_standing_address
from adoption.choices import StandingStatus
from adoption.metric_guards import MONEY_KIND, STANDING_KIND, standing_target
from adoption.metrics.attacks import attack_text
from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.registry import computed_versions
from adoption.metrics.wording import amount_text, metric_or_none, reason_text
from adoption.models import MetricStanding, MetricVersion
from adoption.policies import may_certify_money, may_propose_standing
from adoption.selectors.metric_scopes import ALL, scope_names, scopes_of
from adoption.selectors.metric_values import ShownValue, digest_of, values_of
from adoption.services.metric_events import tell_of_approval
from adoption.services.metric_rechecks import move
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser

APPROVAL_LASTS = dt.timedelta(days=180)
# From where a version may be approved, and from where certified.
MAY_BECOME = {
    StandingStatus.APPROVED: (
        StandingStatus.DRAFT,
        StandingStatus.PROPOSED,
        StandingStatus.APPROVED,
        StandingStatus.REVIEW_DUE,
        StandingStatus.SUSPENDED,
    ),
    StandingStatus.CERTIFIED: (
        StandingStatus.APPROVED,
        StandingStatus.CERTIFIED,
        StandingStatus.REVIEW_DUE,
    ),
}


def kind_for(standing: MetricStanding, to: StandingStatus) -> str:
    """By which kind of request it gets there: finance certifies what is about money."""
    is_money = to is StandingStatus.CERTIFIED and standing.needs_finance
    return MONEY_KIND if is_money else STANDING_KIND


def describe_standing(subject: str, payload: Payload) -> Content:
    """What the approver sees: definition, guardrails, attacks, and every value up to a day.

    Small groups are withheld as for everybody; that a withheld value changed still shows, by its
    data version.

    Raises:
        SubjectGoneError: it cannot get there (any more), or its definition was changed.
    """
    standing = (
        MetricStanding.objects.select_related("metric_version", "owner").filter(pk=subject).first()
    )
    if standing is None:
        raise SubjectGoneError("There is no such metric in this scope.")
    to = StandingStatus(payload["to"])
    until = dt.date.fromisoformat(payload["until"])
    if standing.status not in MAY_BECOME[to]:
        raise SubjectGoneError(
            f"From “{standing.get_status_display()}” a metric cannot become “{to.label}”."
        )
    _check_definition(standing.metric_version)
    version, name = standing.metric_version, _scope_name(standing)
    return Content(
        title=f"{version.definition['label']} {version.version}, {name}: {to.label.lower()}",
        before={
            "Standing": standing.get_status_display(),
            "Values up to": standing.seen_until.isoformat() if standing.seen_until else None,
        },
        after={"Standing": to.label, "Values up to": until.isoformat()},
        facts=(
            ("Scope", name),
            ("Owner", standing.owner.get_full_name()),
            *_definition_facts(version),
            *_value_facts(standing, until),
            ("Seal of all values", digest_of(version, standing.scope_id, until)),
        ),
        target=standing_target(to, standing.version),
        url=metric_standing_address(standing.pk),
        editors=frozenset({standing.owner_id}),
        beneficiaries=_beneficiaries(standing),
    )


def _check_definition(version: MetricVersion) -> None:
    """
    Raises:
        SubjectGoneError: the code says something else than was written down, or nothing.
    """
    metric = metric_or_none(version.key)
    known = {each.version: each for each in computed_versions(metric)} if metric else {}
    found = known.get(version.version)
    if found is None or document_sha256(definition_document(found)) != version.definition_sha256:
        raise SubjectGoneError("The definition is no longer what it was; see its version.")


def _scope_name(standing: MetricStanding) -> str:
    key = (standing.scope_kind, standing.scope_id)
    return scope_names([key]).get(key, f"{standing.scope_kind} {standing.scope_id}")


def _beneficiaries(standing: MetricStanding) -> frozenset[int]:
    """Whoever answers for what the figures are about gains by good ones."""
    pks = None if standing.scope_id == ALL else [standing.scope_id]
    scopes = scopes_of(standing.scope_kind, pks).values()
    return frozenset().union(*(scope.owner_ids for scope in scopes))


def _definition_facts(version: MetricVersion) -> tuple[tuple[str, str], ...]:
    said = version.definition
    catalogue = said["catalogue"]
    resists = catalogue["resists"]
    return (
        ("Metric", f"{said['key']} {said['version']}"),
        ("Definition (SHA-256)", version.definition_sha256),
        ("Formula", said["formula"]),
        ("Unit", said["unit"]),
        ("Grain", f"{catalogue['scope']} by {catalogue['window']}"),
        ("Rests on", ", ".join(said["inputs"])),
        ("Minimum n", str(catalogue["minimum_n"])),
        ("Smallest group", str(catalogue["k"]) if catalogue["k"] else "not about people"),
        ("Guardrails", ", ".join(catalogue["guardrails"])),
        *((f"Resists {key}", f"{attack_text(key)} ({resists[key]})") for key in sorted(resists)),
        ("Decision it supports", said["decision"]),
        ("Readers", catalogue["readers"]),
        ("Withheld from", catalogue["withheld_from"] or "nobody"),
    )


def _value_facts(standing: MetricStanding, until: dt.date) -> tuple[tuple[str, str], ...]:
    version = standing.metric_version
    ids = None if standing.scope_id == ALL else [standing.scope_id]
    values = values_of(version, viewer=None, scope_ids=ids, last=until)
    names = scope_names({value.scope_key for value in values})
    ordered = sorted(values, key=lambda value: (value.scope_key, value.window))
    return tuple(
        (
            f"{names.get(value.scope_key, value.scope_id)}, {value.window.starts_on} to "
            f"{value.window.ends_on}",
            _value_text(version, value),
        )
        for value in ordered
    )


def _value_text(version: MetricVersion, value: ShownValue) -> str:
    """One value as approved: amount, n, data version, and the hash of its facts."""
    if value.nano is None:
        said = reason_text(value.reason)
    else:
        said = amount_text(value.nano, version.definition["unit"], value.currency)
        said += f", n = {value.n}" + (f", {value.basis}" if value.basis else "")
    seal = f", facts {value.facts_sha256[:16]}" if value.facts_sha256 else ""
    return f"{said}, data version {value.data_version}{seal}"


def lock_standing(subject: str) -> None:
    """A fill that restates takes the same lock before it looks at the approval."""
    list(MetricStanding.objects.select_for_update(of=("self",)).filter(pk=subject))


def apply_standing(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Approve or certify it, on the second person's word, for half a year."""
    standing = MetricStanding.objects.select_for_update(of=("self",)).get(pk=request.subject)
    to = StandingStatus(request.payload["to"])
    until = dt.date.fromisoformat(request.payload["until"])
    standing.approval = request
    standing.seen_until = until
    standing.seen_sha256 = digest_of(standing.metric_version, standing.scope_id, until)
    standing.valid_until = at + APPROVAL_LASTS
    standing.certified_until = at + APPROVAL_LASTS if to is StandingStatus.CERTIFIED else None
    move(standing, to, reason="", at=at)
    tell_of_approval(standing, at=at)


def may_ask_for_standing(user: AnyUser, subject: str) -> bool:
    standing = MetricStanding.objects.filter(pk=subject).first()
    return standing is not None and may_propose_standing(user, standing)


def may_ask_for_money(user: AnyUser, subject: str) -> bool:
    return may_certify_money(user) or may_ask_for_standing(user, subject)


STANDINGS = ApprovalKind(
    key=STANDING_KIND,
    label="Approval of a metric",
    approver_roles=(Role.APPROVER,),
    describe=describe_standing,
    lock=lock_standing,
    apply=apply_standing,
    may_request=may_ask_for_standing,
)
MONEY_STANDINGS = ApprovalKind(
    key=MONEY_KIND,
    label="Certificate of a metric about money",
    approver_roles=(Role.FINANCE,),
    describe=describe_standing,
    lock=lock_standing,
    apply=apply_standing,
    may_request=may_ask_for_money,
)
