"""Configuration of a FOCUS connection."""

from __future__ import annotations

from datetime import date

from pydantic import Field, field_validator

from billing.sources.config import BucketConfig

_HELP = "A column of the file, or Tags/ and the key of a tag. Empty: columns and tags known by name"


class FocusConfig(BucketConfig):
    """Where files lie, and where they say what FOCUS has no column for."""

    bucket: str = Field(
        default="",
        max_length=63,
        description="The bucket that the export is written or copied to. Where it is empty, people "
        "bring the files.",
    )
    prefix: str = Field(
        default="",
        max_length=500,
        description="The path inside the bucket above the folders of months or days, of one export "
        "alone, such as FOCUS Reports.",
    )
    first_month: str = Field(
        default="",
        max_length=7,
        title="First month to fetch",
        description="Such as 2026-01. Empty: every month in the bucket.",
    )
    late_days: int = Field(
        default=5,
        ge=0,
        le=31,
        title="Days for late rows",
        description="Where objects name days: how many days of the next month may still hold rows "
        "of the month before. A row that comes later is refused.",
    )

    model_column: str = Field(
        default="",
        max_length=200,
        title="Column with the model",
        description=f"{_HELP}, such as x_Model.",
    )
    api_key_column: str = Field(
        default="",
        max_length=200,
        title="Column with the API key",
        description=f"{_HELP}, such as x_ApiKeyId. The key's id or hash, never the key itself.",
    )
    cost_center_column: str = Field(
        default="",
        max_length=200,
        title="Column with the cost centre",
        description=f"{_HELP}, such as x_CostCenter.",
    )
    repository_column: str = Field(
        default="",
        max_length=200,
        title="Column with the repository",
        description=f"{_HELP}, such as x_Repository.",
    )
    principal_column: str = Field(
        default="",
        max_length=200,
        title="Column with the person or role",
        description=f"{_HELP}, such as Tags/user_email. Shown on the single cost line only.",
    )

    @field_validator("first_month")
    @classmethod
    def _is_a_month(cls, text: str) -> str:
        try:
            return f"{date.fromisoformat(f'{text}-01'):%Y-%m}" if text else ""
        except ValueError:
            raise ValueError("a month such as 2026-01") from None

    @property
    def first_day(self) -> date | None:
        """The first day of the first month wanted; None for all."""
        return date.fromisoformat(f"{self.first_month}-01") if self.first_month else None
