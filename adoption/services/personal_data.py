"""Names that sources have for a person, which go when the person is erased."""

from __future__ import annotations

from django.db.models import QuerySet

from adoption.models import Identity
from portal.models import User
from portal.personal_data import PersonalStore

_ERASED = "erased"


def _named(person: User) -> QuerySet[Identity]:
    return Identity.objects.filter(user_id=person.pk).exclude(kind=_ERASED)


def _empty_identities(person: User) -> None:
    """Changes keep pointing at the row, which keeps pointing at the account."""
    for identity in _named(person).order_by("pk"):
        Identity.objects.filter(pk=identity.pk).update(
            kind=_ERASED, value=f"{_ERASED}-{identity.pk}", display_name=""
        )


IDENTITIES = PersonalStore(
    key="adoption.identities",
    label="Names and addresses in sources",
    count=lambda person: _named(person).count(),
    erase=_empty_identities,
    stays="which changes and deliveries are the account's, without a name",
)
