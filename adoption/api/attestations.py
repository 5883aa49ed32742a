"""Milestones that people attest: one promises and attests with evidence, another confirms.

The second person decides at `/approvals/{id}/`, signed in, as on the page.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.milestones import (
    ID,
    TAG,
    MilestoneSerializer,
    milestones_of,
    present_milestone,
    tag_of,
)
from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.choices import AttestedOutcome, MilestoneKind
from adoption.models import Milestone
from adoption.policies import may_edit_use_case
from adoption.services.attestations import (
    create_attested_milestone,
    request_attestation,
    update_attested_milestone,
)
from portal.api.etags import required_version
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation
from portal.api.views import ApiView, absolute, address, conditional, read_body, signed_in
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest


class AttestedPromiseSerializer(serializers.Serializer[Any]):
    """An outcome that no system shows, such as a training or an agreement."""

    title = serializers.CharField(max_length=160)
    outcome = serializers.ChoiceField(
        AttestedOutcome.choices,
        help_text="What will be there. What a repository, a deployment or a bill can show is "
        "measured instead.",
    )
    due_on = serializers.DateField(help_text="A day in the programme's time zone.")


class AttestationSerializer(serializers.Serializer[Any]):
    """One person's word, with evidence."""

    statement = serializers.CharField(
        max_length=4_000,
        help_text="What is there and how somebody else can see it; the second person decides on "
        "exactly these words. At least 20 characters.",
    )
    link = serializers.URLField(
        max_length=500, required=False, allow_blank=True, help_text="To the evidence. Not code."
    )
    happened_on = serializers.DateField(
        help_text="The day of the outcome, in the programme's time zone; it has come."
    )


class PendingAttestationSerializer(serializers.Serializer[Any]):
    """What was attested and waits for a second person."""

    id = serializers.IntegerField(help_text="Of the request for approval.")
    milestone = serializers.IntegerField()
    status = serializers.ChoiceField(ApprovalStatus.choices)
    statement = serializers.CharField()
    link = serializers.CharField(allow_blank=True)
    happened_on = serializers.DateField()
    content_hash = serializers.CharField(help_text="SHA-256 over exactly what is attested.")
    expires_at = serializers.DateTimeField()
    url = serializers.URLField(help_text="Where a second person decides by the API.")
    page_url = serializers.URLField(help_text="Where a second person decides on a page.")


def _present(request: Request, found: ApprovalRequest) -> dict[str, Any]:
    return {
        "id": found.pk,
        "milestone": int(found.subject),
        "status": found.status,
        "statement": found.payload["statement"],
        "link": found.payload["link"],
        "happened_on": found.payload["happened_on"],
        "content_hash": found.content_hash,
        "expires_at": found.expires_at,
        "url": address(request, "api-approval", found.pk),
        "page_url": absolute(request, reverse("approval", args=[found.pk])),
    }


class AttestedMilestonesView(ApiView):
    """Promises of outcomes that are not code."""

    scopes: ClassVar[dict[str, str]] = {"POST": "registry:write"}

    @operation(
        "attested_milestones_create",
        "Promise an outcome that is not code",
        tag=TAG,
        description="For the owner of the use case and programme leads. It is reached when one "
        "person attests it with evidence and another confirms that; nothing measures it.",
        answer=MilestoneSerializer,
        body=AttestedPromiseSerializer,
        status=201,
        parameters=[SLUG],
        found_by_path=True,
    )
    def post(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        data = read_body(request, AttestedPromiseSerializer).validated_data

        def work() -> Answer:
            made = create_attested_milestone(
                use_case_id=use_case.pk, **data, actor=signed_in(request), at=timezone.now()
            )
            shown = present_milestone(request, made)
            headers = {"Location": shown["url"], "ETag": tag_of(request, made, shown)}
            return Answer(201, shown, headers)

        return answer_once(request, work)


class AttestedMilestoneView(ApiView):
    """The promise of one of them. It is read like any milestone."""

    scopes: ClassVar[dict[str, str]] = {"PATCH": "registry:write"}

    @operation(
        "attested_milestone_update",
        "Change the promise of an outcome that is not code",
        tag=TAG,
        description="For the owner of the use case and programme leads. What was attested of the "
        "earlier promise and waits for a second person is void. Another outcome or day opens a "
        "missed one again; of a reached one only the title can change.",
        answer=MilestoneSerializer,
        body=AttestedPromiseSerializer,
        parameters=[SLUG, ID],
        governed=True,
        found_by_path=True,
    )
    def patch(self, request: Request, slug: str, milestone_id: int) -> Any:
        milestone = attested_or_404(request, slug, milestone_id)
        if not may_edit_use_case(request.user, milestone.use_case):
            raise PermissionDenied
        version = required_version(request)
        data = read_body(request, AttestedPromiseSerializer, partial=True).validated_data
        known = {name: getattr(milestone, name) for name in ("title", "outcome", "due_on")}
        update_attested_milestone(
            milestone_id=milestone.pk,
            expected_version=version,
            **known | data,
            actor=signed_in(request),
            at=timezone.now(),
        )
        found = attested_or_404(request, slug, milestone_id)
        shown = present_milestone(request, found)
        return conditional(request, tag_of(request, found, shown), lambda: shown)


def attested_or_404(request: Request, slug: str, milestone_id: int) -> Milestone:
    """Measured ones are not here: nobody attests them.

    Raises:
        Http404: there is no such attested milestone of a use case that the caller may see.
    """
    rows = milestones_of(use_case_or_404(request, slug), request)
    found = rows.filter(pk=milestone_id, kind=MilestoneKind.ATTESTED).first()
    if found is None:
        raise Http404
    return found


class AttestationView(ApiView):
    """Attesting one milestone."""

    scopes: ClassVar[dict[str, str]] = {"POST": "registry:write"}

    @operation(
        "milestone_attest",
        "Attest that a milestone is reached",
        tag=TAG,
        description="For the owner of the use case and programme leads, about the version that "
        "`If-Match` names. Nothing is reached until another person confirms exactly this, as a "
        "request for approval; a token may attest and never confirms.",
        answer=PendingAttestationSerializer,
        body=AttestationSerializer,
        status=201,
        parameters=[SLUG, ID],
        governed=True,
        keyed=True,
        found_by_path=True,
    )
    def post(self, request: Request, slug: str, milestone_id: int) -> Any:
        milestone = attested_or_404(request, slug, milestone_id)
        if not may_edit_use_case(request.user, milestone.use_case):
            raise PermissionDenied
        version = required_version(request)
        data = read_body(request, AttestationSerializer).validated_data

        def work() -> Answer:
            made = request_attestation(
                milestone_id=milestone.pk,
                expected_version=version,
                statement=data["statement"],
                link=data.get("link", ""),
                happened_on=data["happened_on"],
                actor=signed_in(request),
                at=timezone.now(),
            )
            shown = _present(request, made)
            return Answer(201, shown, {"Location": shown["url"]})

        return answer_once(request, work)
