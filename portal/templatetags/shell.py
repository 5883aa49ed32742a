"""Template tags of the site shell: `{% load shell %}`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django import template
from django.forms.boundfield import BoundField
from django.template.loader import get_template
from django.utils.safestring import SafeString

from portal.shell import formats, forms, icons
from portal.shell.charts import Chart
from portal.shell.figures import Figure
from portal.shell.markdown import plain_text, render_markdown
from portal.shell.statuses import FIGURE_STATUSES, vocabularies
from portal.shell.tables import ShellTable
from portal.shell.widgets import plain_options_html

register = template.Library()
_NOTICE_ICONS = {"success": "check", "warning": "warn", "error": "cross"}
_FIGURE_TEMPLATES = {
    "": "components/_figure.html",
    "large": "components/_figure.html",
    "inline": "components/_figure_inline.html",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """`{% icon "check" %}`: an icon of `portal.shell.icons`."""
    return icons.icon(name)


@register.simple_tag
def notice_icon(tone: str = "") -> SafeString:
    """The icon of a message's tone."""
    return icons.icon(_NOTICE_ICONS.get(tone, "info"))


@register.simple_tag
def figure(value: Figure, size: str = "") -> SafeString:
    """`{% figure fig %}`, `{% figure fig "large" %}` or `{% figure fig "inline" %}`."""
    template = get_template(_FIGURE_TEMPLATES[size])
    return SafeString(template.render({"figure": value, "size": size}))


@register.simple_tag
def status(vocabulary: str, key: str) -> SafeString:
    """`{% status "stage" use_case.stage %}`: the badge of a state."""
    return vocabularies.get(vocabulary).html(key)


@register.simple_tag
def figure_status(key: str) -> SafeString:
    """`{% figure_status "final" %}`: the badge of a figure status alone."""
    return FIGURE_STATUSES.html(key)


@register.simple_tag
def widget(field: BoundField) -> SafeString:
    """The control of a form field, with the class of its kind."""
    return forms.render_widget(field)


@register.simple_tag
def plain_options(rows: Iterable[object], value: str, label: str) -> SafeString:
    """`{% plain_options people "slug" "name" %}`: an `<option>` a row, hundreds in one pass."""
    return plain_options_html((getattr(row, value), getattr(row, label)) for row in rows)


@register.simple_tag
def moment(value: dt.datetime | None) -> str:
    """A moment as `5 Mar 2026, 14:05 UTC`; a dash when there is none."""
    return formats.moment_text(value) if value else formats.MISSING


@register.simple_tag
def day(value: dt.date | None) -> str:
    """A day as `5 Mar 2026`; a dash when there is none."""
    return formats.date_text(value) if value else formats.MISSING


@register.simple_tag
def money(nano: int, currency: str) -> str:
    """Nano-units of a currency for reading. Prefer `figure`, which carries basis and status."""
    return formats.nano_money_text(nano, currency)


@register.simple_tag
def number(value: formats.Number, decimals: int | None = 0) -> str:
    """A number in groups of three. Prefer `figure` for anything that is measured."""
    return formats.number_text(value, decimals)


@register.simple_tag
def chart(value: Chart) -> SafeString:
    """`{% chart c %}`: a chart of `portal.shell.charts`, with its values as a table."""
    return SafeString(get_template("components/_chart.html").render({"chart": value}))


@register.filter
def markdown(text: str) -> SafeString:
    """`{{ use_case.problem|markdown }}`: a long text as safe HTML. Wants a `<div>` around it."""
    return render_markdown(text)


@register.filter
def plain_words(text: str) -> str:
    """`{{ claim|plain_words }}`: the same on one line, without any markup."""
    return plain_text(text)


@register.inclusion_tag("components/_table.html")
def table(value: ShellTable) -> dict[str, ShellTable]:
    """`{% table t %}`: a table inside a page."""
    return {"table": value}
