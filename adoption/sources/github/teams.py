"""Who is in a team of GitHub: `GET /orgs/{org}/teams/{slug}/members`; scope `read:org`."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from adoption.sources.github.client import pages
from adoption.sources.github.config import GitHubConfig
from adoption.sources.records import Account
from portal.imports.contracts import Ask, SourceUnavailableError


def team_members(ask: Ask, config: GitHubConfig, team: str) -> list[Account]:
    """Everybody in `org/team`, with those of the teams below it, as GitHub counts them.

    Raises:
        SourceUnavailableError: the answer is not a whole list of accounts.
    """
    org, _, slug = team.partition("/")
    base = urlsplit(config.base_url).path.rstrip("/")
    path = f"{base}/orgs/{quote(org)}/teams/{quote(slug)}/members"
    found = []
    for page in pages(ask, f"team {team}", path):
        for item in page:
            login = item.get("login") if isinstance(item, dict) else None
            if not isinstance(login, str) or not login:
                raise SourceUnavailableError(f"{path} lists somebody without a login")
            found.append(Account("github_login", login, login))
    return found
