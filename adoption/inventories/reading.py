"""Reading a registry in any form."""

from __future__ import annotations

from collections.abc import Callable

from adoption.inventories import annex, omb, own
from adoption.inventories.contracts import Reading

READERS: dict[str, Callable[[bytes, str], Reading]] = {
    omb.FORM: omb.read,
    annex.FORM: annex.read,
    own.FORM: own.read,
}


def form_of(name: str, data: bytes) -> str:
    """The form of a file, by its name and how it starts; a CSV is the OMB form."""
    if not name.lower().endswith(".json"):
        return omb.FORM
    return annex.FORM if f'"{annex.FORM}"'.encode() in data[:400] else own.FORM


def read_registry(data: bytes, *, file: str, form: str = "") -> Reading:
    """Every use case of the file, and why each of the others is not taken.

    Raises:
        ImportRefusedError: the file as a whole is not of that form.
    """
    return READERS[form or form_of(file, data)](data, file)
