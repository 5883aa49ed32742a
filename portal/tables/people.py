"""Accounts and role grants as tables."""

from __future__ import annotations

from collections.abc import Sequence

from portal.choices import AccountKind, GrantSource, Role
from portal.selectors.people import roles_of
from portal.shell.columns import (
    HtmlColumn,
    LinkTo,
    MomentColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


def _kind(record: Record) -> str:
    return str(AccountKind(record["kind"]).label)


def _roles(record: Record) -> str:
    return ", ".join(record.get("role_labels", ()))


def _factor(record: Record) -> str:
    return "Set up" if record["has_second_factor"] else "No"


def _role(record: Record) -> str:
    return str(Role(record["role"]).label)


def _source(record: Record) -> str:
    return str(GrantSource(record["source"]).label)


class PersonTable(ShellTable):
    """Rows of `people_visible_to`."""

    caption = "People"
    default_sort = "username"

    username = ShellColumn(
        "Sign-in name", url=LinkTo("person", "pk"), row_header=True, sub="full_name"
    )
    email = ShellColumn("E-mail", orderable=False)
    state = StatusColumn("State", vocabulary="account")
    kind = HtmlColumn("Signs in with", html=_kind, text=_kind, fields=("kind",), sort_by=("kind",))
    held = HtmlColumn("Roles", html=_roles, text=_roles, fields=("pk",))
    factor = HtmlColumn("Second factor", html=_factor, text=_factor, fields=("has_second_factor",))
    last_login = MomentColumn("Last sign-in", nullable=True, reason="never signed in")

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        """The roles of a page of people, in one query."""
        by_person = roles_of(record["pk"] for record in records)
        return [{**record, "role_labels": by_person.get(record["pk"], [])} for record in records]


class GrantTable(ShellTable):
    """Rows of `grants_visible_to`."""

    caption = "Roles held"
    default_sort = "person"

    person = ShellColumn(
        "Person",
        accessor="user__username",
        url=LinkTo("person", "user__pk"),
        row_header=True,
        sub="user__full_name",
    )
    role = HtmlColumn("Role", html=_role, text=_role, fields=("role",), sort_by=("role",))
    granted_at = MomentColumn("Since")
    source = HtmlColumn("By way of", html=_source, text=_source, fields=("source",))
    granted_by = ShellColumn(
        "Given by",
        accessor="granted_by__username",
        reason="not by a person of the portal",
        orderable=False,
    )
