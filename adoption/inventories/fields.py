"""What the record of a use case holds beside its claim: as data, for pages, API, import and export.

The groups cover what VerifyWise, the OMB form of 2025 and Annex VIII, section A of the EU AI Act
ask for. Nothing of it is required by itself; what a stage needs stands in `stage_gates.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adoption import inventory_choices as words

LONGEST_TEXT = 20_000
LONGEST_LINE = 500

Choices = list[tuple[str, str]]


class Kind(enum.StrEnum):
    """How a field is written and read."""

    TEXT = "text"  # several lines
    LINE = "line"
    CHOICE = "choice"
    DAY = "day"
    NUMBER = "number"  # exact decimal; nano-units in the store
    NAMES = "names"  # a list of short texts


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of the record.

    Attributes:
        name: in the API and in forms; a number is stored as `<name>_nano`.
        label: for people.
        kind: how it is written.
        choices: (code, label) of a `CHOICE`.
        help_text: what to write, for people.
    """

    name: str
    label: str
    kind: Kind = Kind.LINE
    choices: tuple[tuple[str, str], ...] = ()
    help_text: str = ""

    @property
    def column(self) -> str:
        """The field of the model."""
        return f"{self.name}_nano" if self.kind is Kind.NUMBER else self.name


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together on a page."""

    key: str
    label: str
    fields: tuple[RecordField, ...]


def _text(name: str, label: str, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.TEXT, help_text=help_text)


def _line(name: str, label: str, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.LINE, help_text=help_text)


def _day(name: str, label: str, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.DAY, help_text=help_text)


def _number(name: str, label: str, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.NUMBER, help_text=help_text)


def _names(name: str, label: str, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.NAMES, help_text=help_text or "One a line.")


def _choice(name: str, label: str, choices: Choices, help_text: str = "") -> RecordField:
    return RecordField(name, label, Kind.CHOICE, tuple(choices), help_text)


BENEFIT = Group(
    "benefit",
    "Expected benefit",
    (
        _text("benefit_text", "Benefit in words", "Explains the number; it does not replace it."),
        _line(
            "benefit_measure",
            "What is measured",
            "An outcome that somebody outside the team would notice, for example “handling time of "
            "a routine ticket”.",
        ),
        _line("benefit_unit", "Unit", "For example “minutes per ticket”, “%”, “EUR per month”."),
        _number(
            "baseline", "Today", "Measured before anything changes: the last eight full weeks."
        ),
        _number(
            "expected",
            "Expected",
            "Must be able to turn out wrong: work like last month's alone would not reach it.",
        ),
        _day("expected_on", "By", "The day on which the number is looked at."),
    ),
)
GUARDRAILS = Group(
    "guardrails",
    "Guardrails",
    (
        _text(
            "guardrails",
            "What must not get worse",
            "One a line, with the limit, for example “change failure rate stays below 10 %”.",
        ),
        _text("oversight", "Human oversight", "Who looks at what it says before it has effects."),
    ),
)
DATA = Group(
    "data",
    "Data",
    (
        _choice("data_class", "Data class", words.DataClass.choices,
                "The most sensitive data that it touches."),
        _text("data_inputs", "Information it uses", "Data and inputs while it works."),
        _text("data_description", "Data for training and evaluation"),
        _line("data_link", "Entry in a public data catalogue"),
        _choice("personal_data", "Personal data involved", words.YesNo.choices),
        _line("privacy_assessment", "Privacy impact assessment", "Where it can be read."),
        _names("demographic_features", "Demographic variables used as features"),
    ),
)  # fmt: skip
TOOLS = Group(
    "tools",
    "Tools and vendors",
    (
        _names("tools", "Tools", "Models, agents and products, one a line."),
        _line("vendors", "Vendors"),
        _choice("sourcing", "Bought or made", words.Sourcing.choices),
        _choice("technology", "Kind of AI", words.Technology.choices),
        _text(
            "outputs", "What it puts out", "A prediction, a draft, a recommendation, a decision…"
        ),
        _text("operating_logic", "How it works", "Basic and concise."),
        _line("system_name", "System it is part of"),
        _choice("has_authorisation", "Authorised to operate", words.YesNo.choices),
        _choice("custom_code", "Custom-developed code", words.YesNo.choices),
        _line("code_link", "Public source code"),
    ),
)
PLACE = Group(
    "place",
    "Organisation",
    (
        _line("reference", "Own reference", "The number that another inventory gives it."),
        _line("organisation", "Organisation, short"),
        _line("organisation_name", "Organisation"),
        _line("bureau", "Unit"),
        _line("contact_email", "Address for questions"),
        _text("contributors", "Others who work on it"),
        _line("topic_area", "Field of application"),
        _line("geography", "Where it is used"),
        _day("operational_on", "In use since", "Or the day on which the pilot began."),
        _choice("is_withheld", "Kept out of public reports", words.Withholding.choices),
    ),
)
IMPACT = Group(
    "impact",
    "Risk and duties",
    (
        _choice("ai_act_role", "Role under the EU AI Act", words.AiActRole.choices),
        _choice("high_impact", "High-impact", words.HighImpact.choices),
        _text("high_impact_reason", "Why it is not, although presumed"),
        _text("potential_impacts", "Potential impacts, and how they were found"),
        _choice("impact_assessment", "Impact assessment completed", words.Practice.choices),
        _day("assessment_due_on", "Impact assessment due"),
        _choice("testing", "Tested before deployment", words.Practice.choices),
        _choice("independent_review", "Independent review", words.Review.choices),
        _choice("monitoring", "Ongoing monitoring", words.Practice.choices),
        _choice("training", "Training of its operators", words.Practice.choices),
        _choice("failsafe", "Fail-safe", words.Practice.choices),
        _choice("appeal", "Appeal process", words.Appeal.choices),
        _names("consultation", "Consultation of users and the public"),
    ),
)
ANNEX = Group(
    "annex",
    "EU database, Annex VIII A",
    (
        _line("trade_name", "Trade name"),
        _text(
            "intended_purpose", "Intended purpose", "With the components and functions it supports."
        ),
        _text("provider_contact", "Provider: name, address, contact"),
        _text("submitter_contact", "Who submits on its behalf"),
        _text("representative_contact", "Authorised representative"),
        _choice("market_status", "Status", words.MarketStatus.choices),
        _line("certificate", "Certificate: type and number"),
        _day("certificate_expires_on", "Certificate expires"),
        _line("notified_body", "Notified body"),
        _line("certificate_copy", "Copy of the certificate"),
        _line("member_states", "Member States"),
        _line("declaration", "EU declaration of conformity"),
        _line("instructions", "Instructions for use"),
        _line("more_information", "More information"),
    ),
)
GROUPS = (BENEFIT, GUARDRAILS, DATA, TOOLS, PLACE, IMPACT, ANNEX)
RECORD_FIELDS: dict[str, RecordField] = {
    field.name: field for group in GROUPS for field in group.fields
}
