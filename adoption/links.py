"""What a pasted link names: a commit, a pull or merge request, a ticket, or something else. Pure.

Only the shape of the path is read, so self-hosted providers are known as well. A link is kept in
one spelling, without the tab that happened to be open, so that it is found again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["commit", "request", "ticket", "other"]

_COMMIT = re.compile(r"(?P<repository>/.+?)(?:/-)?/commits?/(?P<sha>[0-9a-f]{7,64})\b", re.I)
_REQUEST = re.compile(
    r"(?P<repository>/.+?)(?:/-)?/(?:pull|pulls|merge_requests|pull-requests|pullrequest)"
    r"/(?P<number>\d{1,12})(?=/|$)",
    re.I,
)
_KEYED = re.compile(r"/(?:browse|issues?)/(?P<key>[A-Z][A-Z0-9]{1,9}-\d{1,7})(?=/|$)", re.I)
_NUMBERED = re.compile(
    r"(?P<repository>/.+?)(?:/-)?/(?:issues|work_items|_workitems/edit)/(?P<number>\d{1,12})(?=/|$)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link names.

    Attributes:
        address: the link in its one spelling.
        sha: of a commit, lower case.
        repository: `host/path`, where the link lies in one.
        number: of a request.
        ticket: `BILL-42`, or `name#42` for an issue of a repository.
    """

    kind: Kind
    address: str
    sha: str = ""
    repository: str = ""
    number: str = ""
    ticket: str = ""


def read_link(text: str) -> Link:
    """Read a link. What has no known shape is `other` and stays as it was pasted."""
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (parts.hostname or "").lower() + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return Link("other", text)
    path = unquote(parts.path)
    base = f"{parts.scheme}://{host}"
    if match := _COMMIT.match(path):
        place = f"{host}{match['repository']}"
        return Link("commit", text, sha=match["sha"].lower(), repository=place)
    if match := _REQUEST.match(path):
        place = f"{host}{match['repository']}"
        address = f"{base}{path[: match.end()]}"
        return Link("request", address, repository=place, number=match["number"])
    if match := _KEYED.search(path):
        return Link("ticket", f"{base}{path[: match.end()]}", ticket=match["key"].upper())
    if match := _NUMBERED.match(path):
        name = f"{match['repository'].rsplit('/', 1)[-1]}#{match['number']}"
        place = f"{host}{match['repository']}"
        return Link("ticket", f"{base}{path[: match.end()]}", repository=place, ticket=name)
    return Link("other", text)


def title_of(link: Link) -> str:
    """What a title may begin as: the ticket, the request, or the words at the end of the path."""
    if link.kind == "ticket":
        return link.ticket
    if link.kind == "request":
        return f"{link.repository.rsplit('/', 1)[-1]} #{link.number}"
    if link.kind == "commit":
        return ""
    try:
        parts = urlsplit(link.address if "://" in link.address else f"https://{link.address}")
    except ValueError:
        return ""
    last = unquote(parts.path).rstrip("/").rsplit("/", 1)[-1]
    words = re.sub(r"[-_+\s]+", " ", last.rsplit(".", 1)[0]).strip()
    return words[:1].upper() + words[1:200] if re.search(r"[^\W\d]{3}", words) else ""
