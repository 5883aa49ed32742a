"""How refusals of adoption's services read in the API."""

from __future__ import annotations

from adoption.services.refusals import RefusedError, StaleVersionError
from adoption.services.use_case_profiles import BadRecordError
from portal.api.errors import CONFLICT, FieldProblem, Problem, invalid, translations
from portal.api.etags import stale


def _refused(error: RefusedError) -> Problem:
    """A wrong field is the caller's to mend; the rest is a matter of the present state."""
    if isinstance(error, BadRecordError):
        return invalid({f"record.{error.field}": [FieldProblem("refused", error.reason)]})
    if error.field:
        return invalid({error.field: [FieldProblem("refused", error.reason)]})
    return Problem(CONFLICT, error.reason)


def register_translations() -> None:
    """Called once, when the API's addresses are loaded."""
    translations.add(RefusedError, _refused)
    translations.add(StaleVersionError, lambda error: stale(error.reason))
