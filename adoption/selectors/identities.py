"""Reading identities and whose they might be. Never how much anybody did under one."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from django.db.models import Case, CharField, Q, QuerySet, Value, When

from adoption.choices import IdentityState
from adoption.identity_matching import Guess, Matcher, Name, Someone
from adoption.models import Identity, IdentityLink
from adoption.policies import may_see_identities
from portal.models import User
from portal.policies import AnyUser


class Suggested(NamedTuple):
    """An account that an identity might be, and why."""

    user: User
    why: str


def identities_visible_to(user: AnyUser) -> QuerySet[Identity]:
    """All identities by name, with their state; none for those who may not see them."""
    rows = (
        Identity.objects.select_related("user")
        .annotate(
            state=Case(
                When(is_nobody=True, then=Value(IdentityState.NOBODY.value)),
                When(user__isnull=False, then=Value(IdentityState.RESOLVED.value)),
                default=Value(IdentityState.UNRESOLVED.value),
                output_field=CharField(),
            )
        )
        .order_by("display_name", "value", "pk")
    )
    return rows if may_see_identities(user) else rows.none()


def identity_kinds(user: AnyUser) -> list[tuple[str, str]]:
    """Kinds of identities that there are, for a filter."""
    kinds = identities_visible_to(user).order_by("kind").values_list("kind", flat=True).distinct()
    return [(kind, kind_label(kind)) for kind in kinds]


def kind_label(kind: str) -> str:
    """A kind in words: `git_email` is “git email”."""
    return kind.replace("_", " ")


def links_of(user: AnyUser, identity: Identity) -> QuerySet[IdentityLink]:
    """What was said about an identity, newest first."""
    rows = IdentityLink.objects.select_related("user", "before_user", "said_by").order_by("-pk")
    return rows.filter(identity=identity) if may_see_identities(user) else rows.none()


def suggested_people(
    user: AnyUser, identities: Iterable[Identity]
) -> list[tuple[int, list[Suggested]]]:
    """For each identity its key and active accounts that it might be, best first; nobody who said
    that it is not theirs. Three queries."""
    if not may_see_identities(user):
        return []
    people = {each.pk: each for each in User.objects.filter(is_active=True).order_by("pk")}
    matcher = _matcher(people.values())
    rows = list(identities)
    disowned = disowners([each.pk for each in rows])
    return [
        (
            each.pk,
            [
                Suggested(people[guess.someone], guess.why)
                for guess in _guesses(matcher, each)
                if guess.someone in people and guess.someone not in disowned.get(each.pk, ())
            ],
        )
        for each in rows
    ]


def disowners(identity_ids: Collection[int]) -> Mapping[int, set[int]]:
    """By identity: who said of it themselves that it is not theirs, and was not undone. One query.

    For services and guesses; it says nothing that the log of the identity does not.
    """
    found: dict[int, set[int]] = defaultdict(set)
    said: dict[tuple[int, uuid.UUID], int] = {}
    for line in IdentityLink.objects.filter(identity_id__in=identity_ids).order_by("pk"):
        pk, before, now = line.identity_id, line.before_user_id, line.user_id
        if line.undoes is not None:
            found[pk].discard(said.get((pk, line.undoes), 0))
        elif before is not None and now is None and line.said_by_id == before:
            said[pk, line.act] = before
            found[pk].add(before)
        elif now is not None and line.said_by_id == now:
            found[pk].discard(now)  # they took it back themselves
    return found


def _guesses(matcher: Matcher, identity: Identity) -> list[Guess]:
    return matcher.guesses(Name(identity.kind, identity.value, identity.display_name))


def _matcher(people: Iterable[User]) -> Matcher:
    known = Identity.objects.filter(user__isnull=False).order_by("pk")
    return Matcher(
        (Someone(each.pk, each.username, each.full_name, each.email) for each in people),
        (Name(*row) for row in known.values_list("kind", "value", "display_name", "user_id")),
    )


def others_of(user: AnyUser, identity: Identity, person: User | None) -> QuerySet[Identity]:
    """Other unresolved identities that look like the same person: by name, or by the account that
    they are guessed to be. What can be said of all of them at once."""
    rows = identities_visible_to(user).filter(user__isnull=True, is_nobody=False)
    rows = rows.exclude(pk=identity.pk)
    same_name = Q(pk__in=())
    if identity.display_name:
        same_name = Q(display_name__iexact=identity.display_name)
    if person is None:
        return rows.filter(same_name)
    guessed = suggested_people(user, rows)
    keys = [key for key, found in guessed if any(each.user.pk == person.pk for each in found)]
    return rows.filter(same_name | Q(pk__in=keys))
