"""Documents that lie beside a table of ours in one upload, told apart by their first bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from portal.imports.contracts import ImportRefusedError, LandedFile, Note

# What a document starts with, whatever it is called: PDF, PNG, JPEG, XML.
DOCUMENTS = (b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"<?xml", b"\xef\xbb\xbf<?xml")
ARCHIVES = (b"PK\x03\x04",)
START_BYTES = 8  # as many as the longest of them


def apart(
    files: Iterable[LandedFile], *, starts: tuple[bytes, ...] = DOCUMENTS
) -> tuple[list[LandedFile], dict[str, LandedFile]]:
    """Tables, and documents by name.

    Raises:
        ImportRefusedError: two different documents have one name.
    """
    tables: list[LandedFile] = []
    documents: dict[str, LandedFile] = {}
    for file in files:
        with file.path.open("rb") as stream:
            is_document = stream.read(START_BYTES).startswith(starts)
        if not is_document:
            tables.append(file)
        elif (known := documents.get(file.name)) is not None and known.sha256 != file.sha256:
            raise ImportRefusedError(
                "two_documents", "two different documents have this name", file=file.name
            )
        else:
            documents[file.name] = file
    return tables, documents


def unnamed(documents: Mapping[str, LandedFile], named: Collection[str]) -> tuple[Note, ...]:
    """What is to be said of documents that no row names."""
    return tuple(
        Note("unnamed_document", f"{name}: kept, but no row names it as its document")
        for name in sorted(set(documents) - set(named))
    )
