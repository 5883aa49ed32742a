"""Addresses of pages by name, worked out once a process.

Django works each out anew, and the portfolio asks for more than two hundred. An address depends on
its name and arguments alone, never on who asks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.urls import get_resolver, get_script_prefix, get_urlconf, reverse
from django.urls.resolvers import URLResolver

_KEPT = 16_384  # addresses


@lru_cache(maxsize=_KEPT)
def _address(resolver: URLResolver, prefix: str, name: str, arguments: tuple[Any, ...]) -> str:
    return reverse(name, args=arguments)


def address_of(name: str, *arguments: str | int) -> str:
    """The address of the page `name`; the same as Django's `reverse`, only remembered.

    Raises:
        NoReverseMatch: there is no such name, or not with these arguments.
    """
    # Both can be changed for one thread, and tests change the table of addresses.
    return _address(get_resolver(get_urlconf()), get_script_prefix(), name, arguments)
