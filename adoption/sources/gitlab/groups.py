"""Who is in a group of GitLab: `GET /groups/:id/members`; scope `read_api`."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from adoption.sources.gitlab.client import pages
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.records import Account
from portal.imports.contracts import Ask, SourceUnavailableError


def group_members(ask: Ask, config: GitLabConfig, group: str) -> list[Account]:
    """Direct members of a group whose accounts are active.

    Raises:
        SourceUnavailableError: the answer is not a whole list of accounts.
    """
    base = urlsplit(config.base_url).path.rstrip("/")
    path = f"{base}/api/v4/groups/{quote(group, safe='')}/members"
    found = []
    for page in pages(ask, f"group {group}", path):
        for item in page:
            name = item.get("username") if isinstance(item, dict) else None
            if not isinstance(name, str) or not name:
                raise SourceUnavailableError(f"{path} lists somebody without a user name")
            if item.get("state", "active") == "active":
                found.append(Account("gitlab_username", name, str(item.get("name") or name)))
    return found
