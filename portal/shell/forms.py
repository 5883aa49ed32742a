"""Forms: one look for every field, with its help and its errors tied to it for screen readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django.forms
from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from portal.env import BASE_DIR
from portal.shell.widgets import select_html, widget_html

_WIDGET_TEMPLATES = Path(django.forms.__file__).parent / "templates"
_UNSTYLED = (forms.CheckboxSelectMultiple, forms.RadioSelect, forms.HiddenInput)


class ShellFormRenderer(DjangoTemplates):
    """Renders `{{ form }}` and `{{ field.as_field_group }}` with the shell's own templates."""

    form_template_name = "components/_form.html"
    field_template_name = "components/_field.html"

    @cached_property
    def engine(self) -> Any:
        return self.backend(
            {
                "APP_DIRS": True,
                "DIRS": [BASE_DIR / "templates", _WIDGET_TEMPLATES],
                "NAME": "shellforms",
                "OPTIONS": {},
            }
        )

    def render(
        self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None
    ) -> SafeString:
        """A template of a form; common controls are written without one."""
        written = widget_html(template_name, context)
        if written is not None:
            return written
        return SafeString(super().render(template_name, context, request))


def widget_class(widget: forms.Widget) -> str:
    """The CSS class of a widget; empty for groups of choices and hidden fields."""
    if isinstance(widget, _UNSTYLED):
        return ""
    if isinstance(widget, forms.CheckboxInput):
        return "form-check-input"
    if isinstance(widget, forms.Select):
        return "form-select"
    return "form-control"


def render_widget(field: BoundField) -> SafeString:
    """The field's widget with its class, and `aria-invalid` when it has errors."""
    widget = field.field.widget
    classes = [widget_class(widget), str(widget.attrs.get("class", ""))]
    if field.errors and classes[0]:
        classes.append("is-invalid")
    attrs: dict[str, Any] = {}
    if joined := " ".join(part for part in classes if part):
        attrs["class"] = joined
    if type(widget) is forms.Select and not field.field.localize:
        attrs = field.build_widget_attrs(attrs)
        if field.auto_id and "id" not in widget.attrs:
            attrs.setdefault("id", field.auto_id)
        return select_html(widget, field.html_name, field.value(), attrs)
    return field.as_widget(attrs=attrs)
