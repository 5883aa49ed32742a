"""The shapes of requests for approval in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.approvals.difference import Mark
from portal.choices import ApprovalOutcome, ApprovalPart, ApprovalStatus, Role


class ApprovalSummarySerializer(serializers.Serializer[Any]):
    """A request in a list."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="What kind of thing is asked for: `room.noun`.")
    kind_label = serializers.CharField()
    subject = serializers.CharField(help_text="What it is about, within its kind.")
    title = serializers.CharField()
    status = serializers.ChoiceField(ApprovalStatus.choices)
    author = serializers.CharField(help_text="Sign-in name of the person who asked.")
    approver_roles = serializers.ListField(child=serializers.ChoiceField(Role.choices))
    policy_version = serializers.IntegerField(help_text="Of the rules under which it was asked.")
    content_hash = serializers.CharField(help_text="SHA-256 over exactly what is asked.")
    under_break_glass = serializers.BooleanField(help_text="Whether one person decided alone.")
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    url = serializers.URLField()
    page_url = serializers.URLField()


class FieldChangeSerializer(serializers.Serializer[Any]):
    """One field: as it is and as it would be."""

    field = serializers.CharField(help_text="As the page calls it.")
    change = serializers.ChoiceField([mark.value for mark in Mark])
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class FactSerializer(serializers.Serializer[Any]):
    """What else the decision rests on."""

    name = serializers.CharField()
    text = serializers.CharField()


class PartySerializer(serializers.Serializer[Any]):
    """A person with a hand in it, who therefore does not decide."""

    user = serializers.CharField(help_text="Sign-in name.")
    part = serializers.ChoiceField(ApprovalPart.choices)


class DecisionSerializer(serializers.Serializer[Any]):
    """What was decided."""

    outcome = serializers.ChoiceField(ApprovalOutcome.choices)
    approver = serializers.CharField(help_text="Sign-in name.")
    reason = serializers.CharField(allow_blank=True)
    decided_at = serializers.DateTimeField()
    channel = serializers.CharField(help_text="By which way: page, api, command.")
    break_glass = serializers.IntegerField(allow_null=True)


class ApprovalSerializer(ApprovalSummarySerializer):
    """A request, with what would change."""

    reason = serializers.CharField(allow_blank=True, help_text="Why, in the author's words.")
    changes = FieldChangeSerializer(many=True)
    facts = FactSerializer(many=True)
    parties = PartySerializer(many=True)
    decision = DecisionSerializer(allow_null=True)
    closed_why = serializers.CharField(allow_blank=True)
    may_decide = serializers.BooleanField(help_text="Whether you may, as a second person.")
    why_not = serializers.CharField(allow_blank=True, help_text="Why you may not.")
    subject_url = serializers.CharField(allow_blank=True, help_text="The page of the subject.")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why. A rejection needs it."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=4_000)


class ApprovalQuery(serializers.Serializer[Any]):
    view = serializers.ChoiceField(
        [("waiting", "Waiting for me"), ("mine", "Asked by me"), ("all", "All")],
        required=False,
        help_text="`waiting`: those that you may decide about. Without it: all.",
    )
    kind = serializers.CharField(required=False)
    status = serializers.ChoiceField(ApprovalStatus.choices, required=False)
