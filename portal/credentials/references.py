"""Credentials by reference: `env:CREDENTIAL_NAME` and `file:/run/secrets/name`.

A reference is written by an administrator and read by the portal, so it must not be a way to have
any variable or file of the machine sent to a host of one's choice: variables start with
`CREDENTIAL_`, and files lie in one folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from portal.credentials.errors import CredentialUnavailableError
from portal.env import variables_of_this_process

VARIABLE_PREFIX = "CREDENTIAL_"
MAX_BYTES = 64 * 1024
_VARIABLE = re.compile(rf"{VARIABLE_PREFIX}[A-Z0-9_]{{1,90}}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_reference(reference: str, *, folder: Path) -> None:
    """Whether it has one of the two forms.

    Raises:
        ValueError: saying what was expected.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and _VARIABLE.fullmatch(name):
        return
    if kind == "file" and _is_child(Path(name), folder):
        return
    raise ValueError(
        f"Write env:{VARIABLE_PREFIX}NAME for a variable, or file:{folder}/name for a mounted file."
    )


def _is_child(path: Path, folder: Path) -> bool:
    return path.parent == folder and _FILE_NAME.fullmatch(path.name) is not None


def read_reference(
    reference: str, *, folder: Path, variables: Mapping[str, str] | None = None
) -> str:
    """The secret that the reference names, without white space around it.

    Raises:
        CredentialUnavailableError: there is none, or it lies elsewhere.
    """
    try:
        check_reference(reference, folder=folder)
    except ValueError as error:
        raise CredentialUnavailableError(f"{reference} names no credential. {error}") from None
    kind, _, name = reference.partition(":")
    given = variables_of_this_process() if variables is None else variables
    text = given.get(name, "") if kind == "env" else _read_file(Path(name), folder)
    if not text.strip():
        raise CredentialUnavailableError(
            f"{reference} is not set or empty in this process",
            expected="the same for web and workers",
        )
    return text.strip()


def _read_file(path: Path, folder: Path) -> str:
    try:
        # A mounted secret is often a link inside its folder; a link that leads out is refused.
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder.resolve()) or not real.is_file():
            raise CredentialUnavailableError(f"{path} does not lie in {folder}")
        with real.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CredentialUnavailableError(f"{path} is larger than {MAX_BYTES} bytes")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialUnavailableError(
            f"{path} cannot be read ({type(error).__name__})"
        ) from None
