"""Tokens in every state, for the story that the browser looks at."""

from __future__ import annotations

import datetime as dt
from ipaddress import ip_address
from typing import Any

from portal.models import User
from portal.services.api_tokens import recognise_api_token, revoke_api_token, rotate_api_token
from tests.api_tokens import make_token
from tests.browser.story_bills import UNBROKEN


def make_tokens(*, viewer: User, now: dt.datetime, **_: Any) -> dict[str, Any]:
    """One that is used, one that is being replaced, one that was revoked, one that expired."""
    used, text = make_token(viewer, networks=["10.2.0.0/16", "2001:db8:1234:5678::/64"], at=now)
    recognise_api_token(text=text, address=ip_address("10.2.3.4"), at=now)
    replaced, _text = make_token(viewer, "registry:read", name=UNBROKEN[:80], at=now)
    rotate_api_token(
        token_id=replaced.pk,
        overlap=dt.timedelta(days=7),
        expires_at=now + dt.timedelta(days=90),
        actor=viewer,
        at=now,
    )
    revoked, _text = make_token(viewer, "costs:read", name="Lost laptop", at=now)
    revoke_api_token(
        token_id=revoked.pk, reason=f"Found in a repository, {UNBROKEN[:120]}", actor=viewer, at=now
    )
    make_token(viewer, name="Of last year", days=1, at=now - dt.timedelta(days=300))
    return {"tokens": {"used": used, "replaced": replaced, "revoked": revoked}}
