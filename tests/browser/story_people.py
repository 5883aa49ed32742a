"""Identities of the story: one that waits with look-alikes, one that somebody resolved."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.models import Identity, Team
from adoption.services.group_teams import map_group
from adoption.services.identities import resolve_identities
from portal.models import User

LONG = "konstantinopolitanische-dudelsackpfeifenmacherin"


def make_identities(
    *, now: dt.datetime, viewer: User, colleague: User, team: Team, **_: Any
) -> dict[str, Any]:
    """Names with long values, of which some are the same person's, and a group that is a team."""
    waiting = Identity.objects.create(
        kind="git_email", value=f"{LONG}@acme.example", display_name=colleague.full_name
    )
    Identity.objects.create(kind="github_login", value=LONG[:39], display_name=colleague.full_name)
    said = Identity.objects.create(kind="github_login", value="mira-said", display_name="Mira")
    resolve_identities(
        identity_ids=[said.pk], user=viewer, actor=viewer, at=now, reason="She said so."
    )
    return {
        "identities": {"open": waiting, "said": said, "link": said.links.get()},
        "group_team": map_group(group=f"cn={LONG}", team=team, actor=viewer, at=now),
    }
