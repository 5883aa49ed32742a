"""Who had a hand in what an invoice states, and where each of its versions comes from."""

from __future__ import annotations

from collections.abc import Sequence

from billing.models import Invoice

# Where a version comes from, and its document. Everything else is what the invoice states.
_BESIDES = frozenset(
    (
        *("id", "run", "file", "line", "entered_by", "recorded_at", "superseded_at"),
        *("document_name", "document_sha256", "document_size"),
    )
)
STATED = tuple(
    field.attname for field in Invoice._meta.concrete_fields if field.name not in _BESIDES
)


def states_the_same(one: Invoice, other: Invoice) -> bool:
    """Whether two versions differ in their documents at most."""
    return all(getattr(one, name) == getattr(other, name) for name in STATED)


def hands_of_invoices(invoices: Sequence[Invoice]) -> set[int]:
    """Who brought what these invoices state: whoever typed or imported the amounts, and everybody
    who has attached a document since. One query."""
    rows = Invoice.objects.filter(number__in={each.number for each in invoices})
    versions = list(rows.select_related("run").order_by("-recorded_at", "-pk"))
    hands: set[int | None] = set()
    for invoice in invoices:
        for each in versions:
            if (each.issuer.casefold(), each.number) != (invoice.issuer.casefold(), invoice.number):
                continue
            if not states_the_same(each, invoice):
                break
            hands |= {each.entered_by_id, each.run.requested_by_id if each.run else None}
    return {pk for pk in hands if pk is not None}


def origin_texts(versions: Sequence[Invoice]) -> list[str]:
    """Where each version of one invoice comes from, newest first, as they are given."""
    before = [*versions[1:], None]
    return [_origin(each, old) for each, old in zip(versions, before, strict=True)]


def _origin(version: Invoice, before: Invoice | None) -> str:
    is_of_document = (
        before is not None
        and states_the_same(version, before)
        and version.document_sha256 != before.document_sha256
    )
    brought = "document attached" if is_of_document else "entered"
    if version.entered_by is not None:
        return f"{brought} by {version.entered_by}"
    if version.file is None:
        return "unknown"
    return f"{version.file.name}, line {version.line}, import run {version.run_id}"
