"""Fetching whole files from where a provider lays them down, beside asking for pages.

What `FetchSpec` is for an API, `FetchFiles` is for an object store: the source finds out what is
new, downloads all files of it, and hands them over as one input. No Django, like the contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from portal.imports.http import OutboundClient


@dataclass(frozen=True, slots=True)
class FileJob:
    """What one fetch may use.

    Attributes:
        config: the connection's configuration, checked.
        client: reaches the source's origin and nothing else.
        secret: the connection's credential.
        folder: where to put files; emptied after each input.
        max_bytes: of one file.
        is_known: `is_known(key)`: whether that input has been taken or waits for a person.
        taken: `taken(start)`: names of all files of the newest such input whose key starts so.
    """

    config: Mapping[str, Any]
    client: OutboundClient
    secret: SecretStr | None
    folder: Path
    max_bytes: int
    is_known: Callable[[str], bool]
    taken: Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class FetchedInput:
    """One input, whole. `key` names it and its version; the first file is called so."""

    key: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFiles:
    """How files of a source are fetched.

    Attributes:
        is_configured: whether a connection says where its files are; otherwise people bring them.
        origin: `origin(config)`: scheme and host of the store.
        fetch: yields what is new, oldest first. What is not whole yet is no input: raise
            SourceUnavailableError, and it is tried again.
        probe: shows with a small request or two whether address, credential and place work.
    """

    is_configured: Callable[[Mapping[str, Any]], bool]
    origin: Callable[[Mapping[str, Any]], str]
    fetch: Callable[[FileJob], Iterator[FetchedInput]]
    probe: Callable[[FileJob], None]
