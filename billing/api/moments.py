"""`as_of` as a query parameter."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.selectors.moments import MOMENT_FORM, BadMomentError, parse_moment

_LONGEST = 40


@extend_schema_field({"type": "string", "maxLength": _LONGEST})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """A day or a moment (UTC) up to now. Left empty it is refused: it would answer with today's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def to_internal_value(self, data: Any) -> dt.datetime:
        text = data if isinstance(data, str) and len(data) <= _LONGEST else ""
        try:
            found = parse_moment(text, now=timezone.now())
        except BadMomentError as error:
            raise serializers.ValidationError(str(error), "invalid") from error
        if found is None:
            raise serializers.ValidationError(f"as_of: expected {MOMENT_FORM}", "invalid")
        return found
