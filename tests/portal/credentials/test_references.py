"""Credentials by reference: what may be named, and what is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portal.credentials.errors import CredentialUnavailableError
from portal.credentials.references import MAX_BYTES, check_reference, read_reference


@pytest.mark.parametrize(
    "reference",
    [
        "env:DATABASE_URL",
        "env:PLUMBLINE_SECRET_KEY",
        "env:CREDENTIAL_",
        "env:credential_x",
        "file:/etc/passwd",
        "file:{folder}/../passwd",
        "file:{folder}/sub/key",
        "file:{folder}/.hidden",
        "file:{folder}/",
        "file:key",
        "http://host/key",
        "CREDENTIAL_X",
    ],
)
def test_nothing_but_credentials_can_be_named(tmp_path: Path, reference: str) -> None:
    written = reference.format(folder=tmp_path)
    with pytest.raises(ValueError, match=r"env:CREDENTIAL_NAME .* or file:"):
        check_reference(written, folder=tmp_path)
    with pytest.raises(CredentialUnavailableError, match="names no credential"):
        read_reference(written, folder=tmp_path)


def test_a_variable_is_read_without_white_space(tmp_path: Path) -> None:
    variables = {"CREDENTIAL_FORGE": " sk-1 \n", "CREDENTIAL_EMPTY": " "}
    assert read_reference("env:CREDENTIAL_FORGE", folder=tmp_path, variables=variables) == "sk-1"
    for name in ("CREDENTIAL_EMPTY", "CREDENTIAL_NONE"):
        with pytest.raises(CredentialUnavailableError, match=f"env:{name} is not set or empty"):
            read_reference(f"env:{name}", folder=tmp_path, variables=variables)


def test_a_mounted_file_is_read_also_behind_a_link_inside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "key").write_text("sk-2\n")
    os.symlink(tmp_path / "..data" / "key", tmp_path / "key")
    assert read_reference(f"file:{tmp_path}/key", folder=tmp_path) == "sk-2"


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "outside").write_text("sk-3")
    os.symlink(tmp_path / "outside", folder / "key")
    with pytest.raises(CredentialUnavailableError, match="does not lie in") as caught:
        read_reference(f"file:{folder}/key", folder=folder)
    assert "sk-3" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    for name, said in (("gone", "FileNotFound"), ("big", "larger than"), ("odd", "Unicode")):
        with pytest.raises(CredentialUnavailableError, match=said):
            read_reference(f"file:{tmp_path}/{name}", folder=tmp_path)
