"""Controls written without a template are, to the character, what Django's templates write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from portal.shell import widgets
from portal.shell.forms import ShellFormRenderer, render_widget, widget_class

NASTY = "\"><script>alert('x')</script> & é"
GROUPED = [
    ("", "Choose"),
    (NASTY, NASTY),
    (f"A group {NASTY}", [(1, "One"), (2, mark_safe("<b>Two</b>")), (None, lazystr("None & all"))]),
    (3.5, 4),
]
ATTRS = {"class": "form-select", "required": True, "disabled": False, "data-x": NASTY, "min": 0}


class OwnOption(forms.Select):
    """Options with a template of their own."""

    option_template_name = "django/forms/widgets/input_option.html"


def _cases() -> Iterator[Any]:
    inputs = [
        forms.TextInput, forms.NumberInput, forms.EmailInput, forms.URLInput, forms.PasswordInput,
        forms.HiddenInput, forms.DateInput, forms.DateTimeInput, forms.TimeInput,
        forms.CheckboxInput, forms.Textarea,
    ]  # fmt: skip
    values = (None, "", NASTY, mark_safe("a&amp;b"), 0, True, dt.date(2026, 3, 5))
    for kind in inputs:
        for value in values:
            yield pytest.param(kind(), value, id=f"{kind.__name__}-{value}")
    for chosen in (None, "", "1", NASTY, 3.5):
        yield pytest.param(forms.Select(choices=GROUPED), chosen, id=f"Select-{chosen}")
    yield pytest.param(forms.Select(), None, id="Select-without-choices")
    yield pytest.param(forms.NullBooleanSelect(), True, id="NullBooleanSelect")
    yield pytest.param(forms.SelectMultiple(choices=GROUPED), ["1", NASTY], id="SelectMultiple")
    yield pytest.param(OwnOption(choices=GROUPED), "1", id="own-option-template")
    yield pytest.param(forms.RadioSelect(choices=GROUPED), "1", id="RadioSelect")
    yield pytest.param(forms.ClearableFileInput(), None, id="ClearableFileInput")


@pytest.mark.parametrize(("widget", "value"), list(_cases()))
def test_a_control_is_what_the_template_writes(
    widget: forms.Widget, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = ShellFormRenderer()
    written = widget.render(f"name {NASTY}", value, attrs=ATTRS, renderer=renderer)
    monkeypatch.setattr(widgets, "WRITERS", {})
    assert written == widget.render(f"name {NASTY}", value, attrs=ATTRS, renderer=renderer)


@pytest.mark.parametrize(
    "widget",
    [forms.TextInput(), forms.Textarea(), forms.CheckboxInput(), forms.Select(choices=GROUPED)],
)
def test_a_common_control_needs_no_template(
    widget: forms.Widget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: ShellFormRenderer, template_name: str) -> None:
        raise AssertionError(f"{template_name} was rendered")

    monkeypatch.setattr(ShellFormRenderer, "get_template", refuse)
    assert widget_class(widget)
    assert widget.render("name", "", renderer=ShellFormRenderer())


def test_suggestions_are_written_with_nothing_that_is_not_escaped() -> None:
    assert widgets.plain_options_html([("a", NASTY), (NASTY, mark_safe("<b>B</b>"))]) == (
        '<option value="a">&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; é'
        '</option><option value="&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; '
        '&amp; é"><b>B</b></option>'
    )


@pytest.mark.parametrize("data", [None, {}, {"choice": "1"}, {"choice": NASTY}, {"choice": "none"}])
@pytest.mark.parametrize("is_required", [True, False])
@pytest.mark.parametrize("attrs", [{}, {"id": "own", "class": "narrow"}])
def test_a_list_of_choices_is_what_the_template_writes(
    attrs: dict[str, str], is_required: bool, data: dict[str, str] | None
) -> None:
    choices = [*GROUPED, (None, "Nothing"), ("1", "One again")]
    field = forms.ChoiceField(
        choices=choices, required=is_required, widget=forms.Select(attrs=attrs), initial="3.5",
        help_text="Choose.",
    )  # fmt: skip

    class Form(forms.Form):
        choice = field

    bound = Form(data)["choice"]
    bound.form.is_valid()
    css = " ".join(
        part
        for part in ("form-select", attrs.get("class", ""), "is-invalid" if bound.errors else "")
        if part
    )
    assert render_widget(bound) == bound.as_widget(attrs={"class": css})
