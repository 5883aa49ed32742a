"""Which tier an environment belongs to. Production is never assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping

PRODUCTION = "production"
TIERS = ("production", "staging", "testing", "development", "preview", "other")

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_NOT_PRODUCTION = frozenset({"nonprod", "preprod", "pre", "non", "uat", "sandbox"})
_TOKENS: Mapping[str, str] = {
    **dict.fromkeys(("prod", "production", "prd", "live"), "production"),
    **dict.fromkeys(("staging", "stage", "stg", "preprod"), "staging"),
    **dict.fromkeys(("test", "testing", "tst", "qa", "uat"), "testing"),
    **dict.fromkeys(("dev", "develop", "development", "local", "sandbox"), "development"),
    **dict.fromkeys(("preview", "review", "ephemeral"), "preview"),
}


def tier_of(
    name: str,
    *,
    explicit: str | None = None,
    mapping: Mapping[str, str] | None = None,
    is_production: bool | None = None,
) -> str:
    """The tier of an environment: what the source says, else the connection's table, else words.

    Words are whole: `us-prod-east` is production, `product-docs`, `nonprod` and `pre-prod` are
    not. What no rule knows is `other`.

    Args:
        explicit: the tier that the source names.
        mapping: environment name → tier, as the connection was configured.
        is_production: False when the source says that it is not; words then cannot say otherwise.
    """
    if explicit and explicit.lower() in TIERS:
        return explicit.lower()
    if is_production:
        return PRODUCTION
    if mapping and name in mapping:
        return mapping[name]
    tokens = [token for token in _SEPARATORS.split(name.lower()) if token]
    found = [_TOKENS[token] for token in tokens if token in _TOKENS]
    if PRODUCTION in found and (is_production is False or _NOT_PRODUCTION & set(tokens)):
        found = [tier for tier in found if tier != PRODUCTION]
    if PRODUCTION in found:
        # `preview-of-prod` names two tiers; only one that names production alone is production.
        return PRODUCTION if set(found) == {PRODUCTION} else "other"
    return found[0] if found else "other"
