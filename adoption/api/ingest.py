"""Changes, deployments and incidents as programs of the organisation send them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.deploys.severities import SEVERITIES
from adoption.deploys.tiers import TIERS
from adoption.policies import may_send_deliveries
from adoption.services.ingest import REJECTED, ItemOutcome, ingest
from adoption.sources.generic.parser import KINDS, STATES, STATUSES
from portal.api.errors import FieldProblem, invalid
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation
from portal.api.views import ApiView, signed_in
from portal.models import Connection

TAG = "Deliveries"
MOST_ITEMS = 500
_OUTCOMES = ["created", "updated", "unchanged", REJECTED]
_CONNECTION_HELP = "Short name of an active connection of the source `generic`."


class AuthorSerializer(serializers.Serializer[Any]):
    login = serializers.CharField(required=False, max_length=200)
    email = serializers.EmailField(required=False, max_length=254)
    name = serializers.CharField(required=False, max_length=200)


class ChangeItemSerializer(serializers.Serializer[Any]):
    """A pull or merge request, or a direct commit. What is left out stays as it was."""

    external_id = serializers.CharField(max_length=200, help_text="Its number; a commit's sha.")
    repository = serializers.CharField(max_length=300, help_text="Its address, or `host/path`.")
    kind = serializers.ChoiceField(KINDS, required=False, help_text="Default: pull_request.")
    state = serializers.ChoiceField(STATES, required=False)
    title = serializers.CharField(required=False, max_length=500)
    message = serializers.CharField(required=False)
    url = serializers.URLField(required=False, max_length=500)
    author = AuthorSerializer(required=False)
    observed_at = serializers.DateTimeField(
        required=False,
        help_text="When this was so. Default: merged_at, closed_at or created_at. Of two "
        "statements the later one holds, whichever arrives first.",
    )
    created_at = serializers.DateTimeField(required=False)
    first_commit_at = serializers.DateTimeField(required=False)
    merged_at = serializers.DateTimeField(required=False)
    closed_at = serializers.DateTimeField(required=False)
    merge_sha = serializers.CharField(required=False, max_length=64)
    squash_sha = serializers.CharField(required=False, max_length=64)
    head_sha = serializers.CharField(required=False, max_length=64)
    base_ref = serializers.CharField(required=False, max_length=250)
    head_ref = serializers.CharField(required=False, max_length=250)
    labels = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    commits = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="Shas of the branch; or objects with sha, message, authored_at and author.",
    )
    commits_truncated = serializers.BooleanField(required=False)
    paths = serializers.ListField(child=serializers.CharField(max_length=500), required=False)
    files_changed = serializers.IntegerField(required=False, min_value=0)
    additions = serializers.IntegerField(required=False, min_value=0)
    deletions = serializers.IntegerField(required=False, min_value=0)


class DeploymentItemSerializer(serializers.Serializer[Any]):
    """One rollout of one service to one environment. What is left out stays as it was."""

    external_id = serializers.CharField(max_length=200, help_text="Your own id of it.")
    repository = serializers.CharField(required=False, max_length=300)
    service = serializers.CharField(
        required=False, max_length=200, help_text="Default: the repository as a whole."
    )
    environment = serializers.CharField(max_length=120, help_text="As you call it.")
    tier = serializers.ChoiceField(
        TIERS, required=False, help_text="Production is never assumed from nothing."
    )
    status = serializers.ChoiceField(STATUSES)
    observed_at = serializers.DateTimeField(required=False)
    version = serializers.CharField(required=False, max_length=200)
    sha = serializers.CharField(required=False, max_length=64)
    ref = serializers.CharField(required=False, max_length=250)
    url = serializers.URLField(required=False, max_length=500)
    artifact = serializers.CharField(required=False, max_length=300)
    trigger = serializers.CharField(required=False, max_length=60)
    group_id = serializers.CharField(required=False, max_length=200)
    queued_at = serializers.DateTimeField(required=False)
    started_at = serializers.DateTimeField(required=False)
    finished_at = serializers.DateTimeField(required=False, help_text="Needed when it succeeded.")
    included = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text="Numbers of the pull or merge requests shipped with it.",
    )
    included_commits = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False
    )
    is_rollback = serializers.BooleanField(required=False)
    rolls_back_to = serializers.CharField(required=False, max_length=200)
    fixes = serializers.CharField(
        required=False, max_length=200, help_text="Version or id of the deployment it repairs."
    )


class ChangeBatchSerializer(ChangeItemSerializer):
    """One change, or `{"connection": …, "items": […]}` with up to 500."""

    connection = serializers.SlugField(help_text=_CONNECTION_HELP)
    items = ChangeItemSerializer(many=True, required=False)


class DeploymentBatchSerializer(DeploymentItemSerializer):
    """One deployment, or `{"connection": …, "items": […]}` with up to 500."""

    connection = serializers.SlugField(help_text=_CONNECTION_HELP)
    items = DeploymentItemSerializer(many=True, required=False)


class IncidentItemSerializer(serializers.Serializer[Any]):
    """One incident in production. What is left out stays as it was."""

    external_id = serializers.CharField(max_length=200, help_text="Your own id of it.")
    service = serializers.CharField(
        required=False, max_length=200, help_text="Key of the service; it may become known later."
    )
    title = serializers.CharField(required=False, max_length=500)
    url = serializers.URLField(required=False, max_length=500)
    severity = serializers.ChoiceField(
        SEVERITIES, required=False, help_text="Every one that was said is kept."
    )
    downgraded_from = serializers.ChoiceField(SEVERITIES, required=False)
    human_actioned = serializers.BooleanField(
        required=False, help_text="Whether a person had to act. Left out is not `false`."
    )
    observed_at = serializers.DateTimeField(
        required=False,
        help_text="When this was so. Default: resolved_at, acknowledged_at or opened_at.",
    )
    opened_at = serializers.DateTimeField(required=False)
    acknowledged_at = serializers.DateTimeField(required=False)
    resolved_at = serializers.DateTimeField(required=False)
    caused_by_deployment = serializers.CharField(
        required=False, max_length=200, help_text="Id or version. Never guessed from the time."
    )
    caused_by_change = serializers.CharField(
        required=False, max_length=200, help_text="Number of the pull request, or a commit."
    )
    fixed_by_deployment = serializers.CharField(required=False, max_length=200)


class IncidentBatchSerializer(IncidentItemSerializer):
    """One incident, or `{"connection": …, "items": […]}` with up to 500."""

    connection = serializers.SlugField(help_text=_CONNECTION_HELP)
    items = IncidentItemSerializer(many=True, required=False)


class ItemErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    detail = serializers.CharField()


class ItemOutcomeSerializer(serializers.Serializer[Any]):
    """What became of one item."""

    external_id = serializers.CharField()
    status = serializers.ChoiceField(_OUTCOMES)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Not declared above: a serializer has an attribute `errors` of its own.
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = super().get_fields()
        fields["errors"] = ItemErrorSerializer(many=True)
        return fields


class IngestAnswerSerializer(serializers.Serializer[Any]):
    """Outcomes in the order of the items."""

    items = ItemOutcomeSerializer(many=True)


def _present(outcome: ItemOutcome) -> dict[str, Any]:
    errors = [{"field": outcome.field, "detail": outcome.detail}] if outcome.detail else []
    return {"external_id": outcome.external_id, "status": outcome.status, "errors": errors}


def _read(request: Request, known: Iterable[str]) -> tuple[Connection, list[Any]]:
    """The connection and the items.

    Raises:
        Problem: 400, naming what is wrong with the whole.
    """
    data = request.data
    if not isinstance(data, dict):
        raise invalid({"non_field_errors": [FieldProblem("invalid", "Send one JSON object.")]})
    if extra := sorted(set(map(str, data)) - set(known)):
        problem = FieldProblem("not_writable", "This cannot be written here.")
        raise invalid({name: [problem] for name in extra})
    slug = data.get("connection")
    found = None
    if isinstance(slug, str):
        found = Connection.objects.filter(slug=slug, source="generic", is_active=True).first()
    if found is None:
        raise invalid({"connection": [FieldProblem("unknown", _CONNECTION_HELP)]})
    rest = {name: value for name, value in data.items() if name != "connection"}
    if "items" not in rest:
        return found, [rest]
    items = rest.pop("items")
    if rest:
        name = sorted(rest)[0]
        raise invalid({name: [FieldProblem("not_writable", "Put it into the items.")]})
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise invalid({"items": [FieldProblem("invalid", f"1 to {MOST_ITEMS} objects.")]})
    return found, items


class _IngestView(ApiView):
    noun: ClassVar[str]
    body: ClassVar[type[serializers.Serializer[Any]]]

    def take(self, request: Request) -> Any:
        """Store what is sent, at most once for each Idempotency-Key."""
        if not may_send_deliveries(request.user):
            raise PermissionDenied
        connection, items = _read(request, self.body().fields)

        def work() -> Answer:
            outcomes = ingest(
                connection=connection,
                noun=self.noun,
                items=items,
                actor=signed_in(request),
                at=timezone.now(),
            )
            return Answer(200, {"items": [_present(outcome) for outcome in outcomes]})

        return answer_once(request, work)


class ChangesView(_IngestView):
    """Changes."""

    noun = "changes"
    body = ChangeBatchSerializer
    scopes: ClassVar[dict[str, str]] = {"POST": "changes:write"}

    @operation(
        "changes_send",
        "Send changes",
        tag=TAG,
        description="One or up to 500. Each is created, updated, unchanged or rejected for itself; "
        "the answer is 200 even when some are rejected. The same again is unchanged, and the order "
        "in which statements arrive means nothing.",
        answer=IngestAnswerSerializer,
        body=ChangeBatchSerializer,
    )
    def post(self, request: Request) -> Any:
        return self.take(request)


class DeploymentsView(_IngestView):
    """Deployments."""

    noun = "deployments"
    body = DeploymentBatchSerializer
    scopes: ClassVar[dict[str, str]] = {"POST": "deployments:write"}

    @operation(
        "deployments_send",
        "Send deployments",
        tag=TAG,
        description="One or up to 500. Each is created, updated, unchanged or rejected for itself. "
        "A state never goes back: of two statements the one of the later moment holds.",
        answer=IngestAnswerSerializer,
        body=DeploymentBatchSerializer,
    )
    def post(self, request: Request) -> Any:
        return self.take(request)


class IncidentsView(_IngestView):
    """Incidents."""

    noun = "incidents"
    body = IncidentBatchSerializer
    scopes: ClassVar[dict[str, str]] = {"POST": "incidents:write"}

    @operation(
        "incidents_send",
        "Send incidents",
        tag=TAG,
        description="One or up to 500. Each is created, updated, unchanged or rejected for itself. "
        "A severity that is lowered later is kept beside the new one. Who was called is not taken.",
        answer=IngestAnswerSerializer,
        body=IncidentBatchSerializer,
    )
    def post(self, request: Request) -> Any:
        return self.take(request)
