"""Configuration of a FOCUS connection."""

from __future__ import annotations

from pydantic import Field

from billing.sources.config import CostConfig

_HELP = "A column of the file, or Tags/ and the key of a tag. Empty: columns and tags known by name"


class FocusConfig(CostConfig):
    """Where a file says what FOCUS has no column for."""

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
