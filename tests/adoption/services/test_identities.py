"""Merging identities and taking it back: what stood before is exactly restored."""

from __future__ import annotations

import datetime as dt
import random
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import Change, Identity, IdentityLink, Repository
from adoption.selectors.changes import changes_to_remind_of
from adoption.selectors.identities import suggested_people
from adoption.services.identities import (
    IdentityRefusedError,
    link_identity,
    mark_nobody,
    resolve_identities,
    split_identity,
    standing_act,
    undo_act,
)
from adoption.services.use_cases import link_repository
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user

pytestmark = pytest.mark.django_db


def identity(value: str, name: str = "", kind: str = "git_email") -> Identity:
    return Identity.objects.create(kind=kind, value=value, display_name=name)


def standing() -> dict[str, tuple[int | None, bool]]:
    rows = Identity.objects.values_list("value", "user_id", "is_nobody")
    return {value: (user, nobody) for value, user, nobody in rows}


@pytest.fixture
def lead() -> User:
    return make_user(Role.PROGRAMME_LEAD)


@pytest.mark.both_engines
def test_a_merge_is_undone_as_a_whole_and_says_who_and_when(lead: User) -> None:
    one, two = identity("a@x.example"), identity("b@x.example")
    other = identity("c@x.example")
    mark_nobody(identity_id=two.pk, actor=lead, at=NOW)
    before = standing()
    act = resolve_identities(identity_ids=[one.pk, two.pk], user=lead, actor=lead, at=NOW)
    assert standing() == {"a@x.example": (lead.pk, False), "b@x.example": (lead.pk, False),
                          "c@x.example": (None, False)}  # fmt: skip
    assert {line.said_by for line in IdentityLink.objects.filter(act=act)} == {lead}
    undo_act(act=act, actor=lead, at=NOW + dt.timedelta(hours=1))
    assert standing() == before
    assert not other.links.exists()
    with pytest.raises(IdentityRefusedError, match="since"):
        undo_act(act=act, actor=lead, at=NOW)


@pytest.mark.both_engines
def test_nothing_said_later_is_overwritten_by_an_undo(lead: User) -> None:
    one, two = identity("a@x.example"), identity("b@x.example")
    act = resolve_identities(identity_ids=[one.pk, two.pk], user=lead, actor=lead, at=NOW)
    split_identity(identity_id=two.pk, actor=lead, at=NOW, reason="A namesake.")
    before = standing()
    with pytest.raises(IdentityRefusedError, match="since"):
        undo_act(act=act, actor=lead, at=NOW)
    assert standing() == before


def test_refusals(lead: User) -> None:
    one = identity("a@x.example")
    leaver = make_user(is_active=False)
    with pytest.raises(IdentityRefusedError, match="not active"):
        resolve_identities(identity_ids=[one.pk], user=leaver, actor=lead, at=NOW)
    with pytest.raises(IdentityRefusedError, match="exist"):
        resolve_identities(identity_ids=[], user=lead, actor=lead, at=NOW)
    with pytest.raises(IdentityRefusedError, match="nothing to take"):
        split_identity(identity_id=one.pk, actor=lead, at=NOW, reason="x")
    resolve_identities(identity_ids=[one.pk], user=lead, actor=lead, at=NOW)
    with pytest.raises(IdentityRefusedError, match="Take it off"):
        resolve_identities(identity_ids=[one.pk], user=make_user(), actor=lead, at=NOW)
    with pytest.raises(IdentityRefusedError, match="Take it off"):
        mark_nobody(identity_id=one.pk, actor=lead, at=NOW)
    with pytest.raises(IdentityRefusedError, match="why"):
        split_identity(identity_id=one.pk, actor=lead, at=NOW, reason=" ")
    with pytest.raises(IdentityRefusedError, match="no such act"):
        undo_act(act=uuid.uuid4(), actor=lead, at=NOW)


@pytest.mark.both_engines
@pytest.mark.parametrize("seed", range(3))
def test_undoing_all_acts_backwards_restores_the_beginning(lead: User, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  (test data)
    people = [lead, make_user(), make_user()]
    rows = [identity(f"{number}@x.example") for number in range(5)]
    acts, states = [], [standing()]
    for _ in range(12):
        chosen = dice.sample([row.pk for row in rows], dice.choice([1, 2, 3]))
        try:
            act = dice.choice([
                lambda c=chosen: resolve_identities(
                    identity_ids=c, user=dice.choice(people), actor=lead, at=NOW
                ),
                lambda c=chosen: split_identity(
                    identity_id=c[0], actor=lead, at=NOW, reason="Wrong."
                ),
                lambda c=chosen: mark_nobody(identity_id=c[0], actor=lead, at=NOW),
            ])()  # fmt: skip
        except IdentityRefusedError:
            continue
        if IdentityLink.objects.filter(act=act).exists():
            acts.append(act)
            states.append(standing())
    assert len(acts) > 2  # noqa: PLR2004
    for act, before in zip(reversed(acts), reversed(states[:-1]), strict=True):
        undo_act(act=act, actor=lead, at=NOW)
        assert standing() == before


def test_what_waits_for_a_person_follows_their_identities(lead: User) -> None:
    one = identity("a@x.example", lead.full_name)
    repository = Repository.objects.create(key="git.example/shop", name="shop")
    link_repository(
        use_case_id=make_use_case().pk, repository=repository, starts_on=dt.date(2026, 1, 1),
        actor=lead, at=NOW,
    )  # fmt: skip
    Change.objects.create(
        repository=repository, kind="commit", external_id="1" * 40, sha="1" * 40, title="Change",
        author=one, strength="assisted", merged_at=NOW - dt.timedelta(days=1),
        content=uuid.uuid4(),
    )  # fmt: skip

    def waiting() -> int:
        return len(list(changes_to_remind_of(lead, now=NOW, limit=5)))

    assert waiting() == 0
    act = resolve_identities(identity_ids=[one.pk], user=lead, actor=lead, at=NOW)
    found = waiting()
    undo_act(act=act, actor=lead, at=NOW)
    assert waiting() == 0
    assert found == 1


def test_the_queue_suggests_merges_and_undoes_on_pages(client: Client, lead: User) -> None:
    person = make_user(name="Jo Brandt", email="jo@acme.example")
    one = identity("jo@acme.example", "Jo")
    two = identity("jobrandt", "Jo Brandt", kind="github_login")
    robot = identity("bot@x.example", "Build robot")
    found = dict(suggested_people(lead, [one, two, robot]))
    assert [found[each.pk][:1] for each in (one, two, robot)] == [
        [(person, "same e-mail address")], [(person, "the same name")], [],
    ]  # fmt: skip
    client.force_login(lead)
    page = client.get(reverse("identity-list"), {"state": "unresolved"}).content.decode()
    assert "same e-mail address" in page
    url = reverse("identity-resolve", args=[one.pk])
    form = client.get(url, {"user": person.pk}).content.decode()
    assert f'value="{two.pk}"' in form
    assert f'value="{robot.pk}"' not in form
    answer = client.post(f"{url}?user={person.pk}", {"user": person.pk, "also": [two.pk]})
    assert answer.status_code == 302, answer.content.decode()
    assert standing()["jobrandt"] == standing()["jo@acme.example"] == (person.pk, False)
    link = one.links.get()
    detail = client.get(reverse("identity", args=[one.pk])).content.decode()
    undo = reverse("identity-undo", args=[one.pk, link.pk])
    assert undo in detail
    assert client.post(undo).status_code == 302
    assert standing()["jobrandt"] == (None, False)
    export = client.get(reverse("identity-list"), {"export": "csv"})
    assert b"jobrandt" in b"".join(export.streaming_content)  # type: ignore[attr-defined]


def disowned(person: User, value: str = "mira@acme.example") -> Identity:
    """An identity that a person took off themselves, by the button of their own page."""
    found = identity(value, "Mira Okafor")
    link_identity(identity=found, user=person, actor=None, at=NOW)
    client = Client()
    client.force_login(person)
    assert client.post(reverse("identity-disown", args=[found.pk])).status_code == 302
    found.refresh_from_db()
    assert found.user is None
    return found


def test_this_is_not_me_outlives_every_later_link_of_the_same_identity(lead: User) -> None:
    mira = make_user(name="Mira Okafor", email="mira@acme.example")
    found = disowned(mira)
    before = found.links.count()
    with pytest.raises(IdentityRefusedError, match="is not theirs"):
        link_identity(identity=found, user=mira, actor=None, at=NOW)  # a program
    with pytest.raises(IdentityRefusedError, match="is not theirs"):
        resolve_identities(identity_ids=[found.pk], user=mira, actor=lead, at=NOW)
    found.refresh_from_db()
    assert (found.user, found.links.count()) == (None, before)
    ((_, guesses),) = suggested_people(lead, [found])
    assert [each.user for each in guesses] == []  # it is not even proposed
    other = identity("mira@elsewhere.example", "Mira Okafor")
    ((_, guesses),) = suggested_people(lead, [other])
    assert [each.user for each in guesses] == [mira]  # of another name they said nothing


def test_what_a_person_said_of_themselves_binds_nobody_else(lead: User) -> None:
    mira, other = make_user(email="mira@acme.example"), make_user()
    found = disowned(mira)
    resolve_identities(identity_ids=[found.pk], user=other, actor=lead, at=NOW)
    split_identity(identity_id=found.pk, actor=lead, at=NOW, reason="Nor theirs.")
    with pytest.raises(IdentityRefusedError, match="is not theirs"):
        resolve_identities(identity_ids=[found.pk], user=mira, actor=lead, at=NOW)
    # What a lead takes off somebody is no word of that person.
    resolve_identities(identity_ids=[found.pk], user=other, actor=lead, at=NOW)
    found.refresh_from_db()
    assert found.user == other


def test_a_mistaken_click_is_undone_in_the_open(lead: User) -> None:
    mira = make_user(email="mira@acme.example")
    found = disowned(mira)
    act = standing_act(found)
    assert act is not None
    undo_act(act=act, actor=lead, at=NOW)
    found.refresh_from_db()
    assert found.user == mira
    split_identity(identity_id=found.pk, actor=lead, at=NOW, reason="To see.")
    resolve_identities(identity_ids=[found.pk], user=mira, actor=lead, at=NOW)
    found.refresh_from_db()
    assert found.user == mira
