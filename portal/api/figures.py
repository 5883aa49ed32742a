"""A number in an answer, with all that a reader needs to trust it, or why there is none."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers

from portal.shell.money import nano_text
from portal.shell.statuses import FigureStatus

FIGURE_STATUSES = [(status.value, status.value) for status in FigureStatus]


class FigureSerializer(serializers.Serializer[Any]):
    """The shape of every figure."""

    value = serializers.CharField(
        allow_null=True, help_text="Exact decimal as text; null when it is not known, never 0."
    )
    reason = serializers.CharField(
        allow_null=True, help_text="Why the value is null: a stable code. Null with a value."
    )
    unit = serializers.CharField(help_text="`count`, `days`, `share` or `money`.")
    currency = serializers.CharField(
        allow_null=True, help_text="ISO 4217 code, for money. Amounts of two are never added."
    )
    basis = serializers.CharField(
        allow_null=True,
        help_text="For money: `invoiced`, `metered`, `estimated` or `derived`; never mixed.",
    )
    status = serializers.ChoiceField(
        choices=FIGURE_STATUSES,
        allow_null=True,
        help_text="How settled it is; null without a value.",
    )
    as_of = serializers.DateTimeField(
        allow_null=True, help_text="The newest data looked at (UTC); null when there is none yet."
    )
    lineage_url = serializers.CharField(
        allow_null=True, help_text="Where a person sees what it was made of."
    )


def figure(
    nano: int | None,
    *,
    unit: str,
    reason: str = "",
    currency: str = "",
    basis: str = "",
    status: str | None = None,
    as_of: dt.datetime | None = None,
    lineage_url: str = "",
) -> dict[str, Any]:
    """A figure of `nano` nano-units (10⁻⁹) of `unit`.

    Raises:
        ValueError: no value and no reason, or a value without status.
    """
    if nano is None and not reason:
        raise ValueError("a figure without a value needs a reason")
    if nano is not None and status is None:
        raise ValueError("a value needs a status")
    return {
        "value": None if nano is None else nano_text(nano),
        "reason": reason or None if nano is None else None,
        "unit": unit,
        "currency": currency or None,
        "basis": basis or None,
        "status": None if nano is None else status,
        "as_of": as_of,
        "lineage_url": lineage_url or None,
    }
