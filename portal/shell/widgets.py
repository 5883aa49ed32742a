"""The common form controls written straight as HTML, without Django's templates.

Django renders one template for each option of each list of choices. Here the same context becomes
the same characters in one pass; what is not listed in `WRITERS` keeps its template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from django import forms
from django.utils.formats import localize
from django.utils.safestring import SafeData, SafeString, mark_safe

_OPTION = "django/forms/widgets/select_option.html"
_FOLDER = "django/forms/widgets/"
_INPUTS = (
    "checkbox", "date", "datetime", "email", "hidden", "input", "number", "password", "search",
    "tel", "text", "time", "url",
)  # fmt: skip

Widget = Mapping[str, Any]  # what `Widget.get_context` puts under "widget"


def _text(value: Any) -> str:
    """As `{{ value|stringformat:"s" }}` writes it."""
    return value if isinstance(value, SafeString) else escape(str(value))


def _shown(value: Any) -> str:
    """As `{{ value }}` writes it."""
    shown = value if isinstance(value, str) else localize(value)
    return str(shown) if isinstance(shown, SafeData) else escape(str(shown))


def attributes_html(attrs: Mapping[str, Any]) -> str:
    """Attributes with a space before each; True stands alone, False is left out."""
    return "".join(
        f" {_shown(name)}" if value is True else f' {_shown(name)}="{_text(value)}"'
        for name, value in attrs.items()
        if value is not False
    )


def _input_html(widget: Widget) -> str:
    value = widget["value"]
    shown = "" if value is None else f' value="{_text(value)}"'
    return (
        f'<input type="{_shown(widget["type"])}" '
        f'name="{_shown(widget["name"])}"'
        f"{shown}{attributes_html(widget['attrs'])}>"
    )


def _textarea_html(widget: Widget) -> str:
    name = _shown(widget["name"])
    value = _shown(widget["value"]) if widget["value"] else ""
    return f'<textarea name="{name}"{attributes_html(widget["attrs"])}>\n{value}</textarea>'


def _option_html(option: Widget) -> str:
    # What marks an option as chosen is among its attributes.
    return (
        f'\n  <option value="{_text(option["value"])}"{attributes_html(option["attrs"])}>'
        f"{_shown(option['label'])}</option>\n"
    )


def plain_options_html(pairs: Iterable[tuple[object, object]]) -> SafeString:
    """Options of a list of suggestions: values with their labels, none of them chosen."""
    written = (f'<option value="{_text(value)}">{_shown(label)}</option>' for value, label in pairs)
    return mark_safe("".join(written))  # noqa: S308  (each part is escaped)


def _select_html(widget: Widget) -> str | None:
    """None where an option has a template of its own."""
    parts = [f'<select name="{_shown(widget["name"])}"{attributes_html(widget["attrs"])}>']
    for group_name, options, _index in widget["optgroups"]:
        if group_name:
            parts.append(f'\n  <optgroup label="{_shown(group_name)}">')
        for option in options:
            if option["template_name"] != _OPTION:
                return None
            parts.append(_option_html(option))
        if group_name:
            parts.append("\n  </optgroup>")
    parts.append("\n</select>")
    return "".join(parts)


def select_html(
    widget: forms.Select, name: str, value: Any, attrs: Mapping[str, Any]
) -> SafeString:
    """A list of choices as `widget.render` would write it, without a record of each option.

    Only for `forms.Select` itself: a subclass may say otherwise what its options are.
    """
    chosen = widget.format_value(value)
    parts = [f'<select name="{_shown(name)}"{attributes_html({**widget.attrs, **attrs})}>']
    has_chosen = False
    for key, label in widget.choices:
        options = label if isinstance(label, (list, tuple)) else ((key, label),)
        if group := key if options is label else None:
            parts.append(f'\n  <optgroup label="{_shown(group)}">')
        for each, text in options:
            mark = ""
            if each is None and options is not label:
                each = ""  # as Django does, but not within a group
            if not has_chosen and str(each) in chosen:
                has_chosen, mark = True, " selected"
            parts.append(f'\n  <option value="{_text(each)}"{mark}>{_shown(text)}</option>\n')
        if group:
            parts.append("\n  </optgroup>")
    parts.append("\n</select>")
    return mark_safe("".join(parts))  # noqa: S308  (each part is escaped)


WRITERS: Mapping[str, Callable[[Widget], str | None]] = {
    **{f"{_FOLDER}{name}.html": _input_html for name in _INPUTS},
    f"{_FOLDER}textarea.html": _textarea_html,
    f"{_FOLDER}select.html": _select_html,
}


def widget_html(template_name: str, context: Mapping[str, Any]) -> SafeString | None:
    """The control as Django's own template `template_name` would write it.

    Returns:
        None for a template that is not written here.
    """
    writer = WRITERS.get(template_name)
    if writer is None or "widget" not in context:
        return None
    written = writer(context["widget"])
    return None if written is None else mark_safe(written)  # noqa: S308  (each part is escaped)
