"""Tokens as a table."""

from __future__ import annotations

from typing import Any

from django.utils.html import escape

from portal.shell.columns import (
    ExportValue,
    LinkTo,
    MomentColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


class ScopesColumn(ShellColumn):
    """The scopes of a token, one noun a line."""

    css = "w"

    def inner_html(self, value: Any, record: Record) -> str:
        return "<br>".join(escape(line) for line in scopes_in_words(value))

    def export_values(self, record: Record) -> list[ExportValue]:
        return [" ".join(self.value(record))]


def scopes_in_words(scopes: list[str]) -> list[str]:
    """`deliveries: read, write` and so on, sorted."""
    verbs: dict[str, list[str]] = {}
    for scope in sorted(scopes):
        noun, _, verb = scope.partition(":")
        verbs.setdefault(noun, []).append(verb)
    return [f"{noun}: {', '.join(found)}" for noun, found in verbs.items()]


class ApiTokenTable(ShellTable):
    """Rows of `own_api_tokens`."""

    caption = "API tokens"
    default_sort = "-expires_at"
    unique_key = ("-pk",)

    name = ShellColumn("Token", url=LinkTo("api-token", "pk"), row_header=True, sub="prefix")
    state = StatusColumn("State", vocabulary="api_token", orderable=False)
    scopes = ScopesColumn("Scopes", orderable=False)
    expires_at = MomentColumn("Expires")
    last_used = MomentColumn(
        "Last used",
        accessor="use__last_used_at",
        reason="never used",
        nullable=True,
        help_text="Written at most once a minute",
    )


class AllApiTokenTable(ApiTokenTable):
    """Rows of `api_tokens_visible_to`, for those who see all."""

    caption = "API tokens of everybody"
    owner = ShellColumn("Owner", accessor="owner__username")

    class Meta:
        sequence = ("name", "owner", "...")
