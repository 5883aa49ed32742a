"""Reading a page as text."""

from __future__ import annotations

from django.test import Client


def html_of(client: Client, url: str) -> str:
    """The page at an address, which answers 200."""
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()
