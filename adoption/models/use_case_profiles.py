"""What a use case's record says beyond its claim, in the groups of `inventories/fields.py`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption import inventory_choices as words
from adoption.inventories.fields import LONGEST_LINE, LONGEST_TEXT
from adoption.models.use_cases import UseCase


def _text() -> models.TextField:
    return models.TextField(blank=True, max_length=LONGEST_TEXT)


def _line() -> models.CharField:
    return models.CharField(max_length=LONGEST_LINE, blank=True)


def _choice(choices: type[models.TextChoices]) -> models.CharField:
    return models.CharField(max_length=24, choices=choices, blank=True)


def _names() -> models.JSONField:
    return models.JSONField(default=list, blank=True)


class UseCaseProfile(models.Model):
    """The record beside the claim. Empty or null means that nobody has said; nothing is guessed.

    `baseline_nano` and `expected_nano` are in nano-units (10⁻⁹) of `benefit_unit`. Its version is
    the use case's. `form_fields` holds, by form and column, what an imported row says and our words
    would not write the same; `import_key` is who the row says it is, `import_digests` what its
    fields said last.
    """

    use_case = models.OneToOneField(UseCase, on_delete=models.PROTECT, related_name="profile")
    is_draft = models.BooleanField(default=False)

    benefit_text = _text()
    benefit_measure = _line()
    benefit_unit = models.CharField(max_length=60, blank=True)
    baseline_nano = models.BigIntegerField(null=True, blank=True)
    expected_nano = models.BigIntegerField(null=True, blank=True)
    expected_on = models.DateField(null=True, blank=True)
    benefit_check = models.CharField(
        max_length=24, choices=words.BenefitCheck, default=words.BenefitCheck.NOT_STATED
    )

    guardrails = _text()
    oversight = _text()

    data_class = _choice(words.DataClass)
    data_inputs = _text()
    data_description = _text()
    data_link = _line()
    personal_data = _choice(words.YesNo)
    privacy_assessment = _line()
    demographic_features = _names()

    tools = _names()
    vendors = _line()
    sourcing = _choice(words.Sourcing)
    technology = _choice(words.Technology)
    outputs = _text()
    operating_logic = _text()
    system_name = _line()
    has_authorisation = _choice(words.YesNo)
    custom_code = _choice(words.YesNo)
    code_link = _line()

    reference = _line()
    organisation = _line()
    organisation_name = _line()
    bureau = _line()
    contact_email = _line()
    contributors = _text()
    topic_area = _line()
    geography = _line()
    operational_on = models.DateField(null=True, blank=True)
    is_withheld = _choice(words.Withholding)

    ai_act_role = _choice(words.AiActRole)
    high_impact = _choice(words.HighImpact)
    high_impact_reason = _text()
    potential_impacts = _text()
    impact_assessment = _choice(words.Practice)
    assessment_due_on = models.DateField(null=True, blank=True)
    testing = _choice(words.Practice)
    independent_review = _choice(words.Review)
    monitoring = _choice(words.Practice)
    training = _choice(words.Practice)
    failsafe = _choice(words.Practice)
    appeal = _choice(words.Appeal)
    consultation = _names()

    trade_name = _line()
    intended_purpose = _text()
    provider_contact = _text()
    submitter_contact = _text()
    representative_contact = _text()
    market_status = _choice(words.MarketStatus)
    certificate = _line()
    certificate_expires_on = models.DateField(null=True, blank=True)
    notified_body = _line()
    certificate_copy = _line()
    member_states = _line()
    declaration = _line()
    instructions = _line()
    more_information = _line()

    form_fields = models.JSONField(default=dict, blank=True)
    import_key = models.CharField(max_length=255, null=True, blank=True, unique=True)
    import_digests = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(baseline_nano__isnull=True, expected_nano__isnull=True)
                | ~Q(benefit_unit=""),
                name="adoption_profile_number_has_unit",
            ),
            models.CheckConstraint(
                condition=Q(benefit_check__in=words.BenefitCheck.values),
                name="adoption_profile_known_check",
            ),
        ]

    def __str__(self) -> str:
        return f"Record of {self.use_case}"
