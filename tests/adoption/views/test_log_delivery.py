"""Logging a delivery: defaults, what a link leads to, picking, refusals beside their fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.choices import AiAssistance, DeliveryState, Stage
from adoption.models import Delivery, Repository, UseCase
from adoption.services.deliveries import log_delivery
from adoption.services.use_cases import link_repository
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.histories import make_sha
from tests.adoption.importing import History, change, commit, tag
from tests.standing import Stand

pytestmark = pytest.mark.django_db
URL = "/deliveries/log/"
DOCUMENT = "https://docs.example.com/plan"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def make_shop(folder: Path) -> int:
    """Two AI-assisted changes and one without evidence, linked; the key of the use case."""
    use_case = make_use_case(title="Draft replies")
    History(folder).bring(
        [commit(1, 0, ai=True, message="Faster search"), commit(2, on=8, ai=True),
         commit(3, on=9)],
        [tag("1.0", 1, 2)],
        at=NOW,
    )  # fmt: skip
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    return use_case.pk


@pytest.fixture(scope="module")
def shop(standing: Stand, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Made once; what a test does to it is rolled back."""
    return standing(lambda: make_shop(tmp_path_factory.mktemp("shop")), NOW)


@pytest.fixture
def use_case(shop: int) -> UseCase:
    return UseCase.objects.get(pk=shop)


@pytest.fixture
def mira(client: Client) -> User:
    user = make_user(name="Mira")
    client.force_login(user)
    return user


def text_of(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def send(client: Client, **values: Any) -> Any:
    return client.post(URL, {"assistance": "not_stated", "change": "", "link": ""} | values)


def chosen(text: str) -> list[str]:
    """Slugs of the selected options."""
    return [part.split('"')[0] for part in text.split('<option value="')[1:]
            if "selected" in part.split(">")[0]]  # fmt: skip


# --- defaults --------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_use_case_is_the_one_asked_for_else_the_last_used(
    client: Client, use_case: UseCase, mira: User
) -> None:
    other = make_use_case(title="Other")
    assert chosen(text_of(client, URL)) == [""]
    log_delivery(use_case=other, actor=mira, at=NOW, link=DOCUMENT, title="Plan")
    assert chosen(text_of(client, URL)) == [other.slug]
    assert chosen(text_of(client, URL, use_case=use_case.slug)) == [use_case.slug]


def test_a_use_case_that_has_ended_is_neither_offered_nor_remembered(
    client: Client, use_case: UseCase, mira: User
) -> None:
    log_delivery(use_case=use_case, actor=mira, at=NOW, link=DOCUMENT, title="Plan")
    make_use_case(title="Other")
    UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.RETIRED)
    text = text_of(client, URL)
    assert use_case.slug not in text
    assert chosen(text) == [""]


def test_without_a_use_case_the_page_says_what_to_do_first(
    client: Client, use_case: UseCase, mira: User
) -> None:
    UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.RETIRED)
    text = text_of(client, URL)
    assert "No use case takes deliveries yet" in text
    assert reverse("use-case-new") in text


# --- a link ----------------------------------------------------------------------------------


def test_a_link_shows_at_once_what_it_leads_to(
    client: Client, use_case: UseCase, mira: User
) -> None:
    link = f"https://git.example.com/x/commit/{make_sha(1)}"
    text = text_of(client, reverse("log-delivery-link"), link=link, use_case=use_case.slug)
    for expected in ("Faster search", "shop", "Held", "1.0", "Assisted", "claude-code"):
        assert expected in text
    assert "<html" not in text
    assert 'name="title"' not in text
    assert "not linked" not in text


def test_a_link_to_a_change_without_evidence_says_unknown_and_can_be_logged(
    client: Client, use_case: UseCase, mira: User
) -> None:
    link = f"https://git.example.com/x/commit/{make_sha(3)}"
    assert "Unknown" in text_of(client, reverse("log-delivery-link"), link=link)
    send(client, use_case=use_case.slug, link=link, assistance="assisted")
    delivery = Delivery.objects.get()
    assert (delivery.change, delivery.assistance) == (change(3), AiAssistance.ASSISTED)


def test_a_link_that_leads_to_nothing_imported_asks_what_it_is(
    client: Client, use_case: UseCase, mira: User
) -> None:
    text = text_of(client, reverse("log-delivery-link"), link=DOCUMENT, title="Half a ti")
    assert "Not imported" in text
    assert 'name="title"' in text
    assert 'value="Half a ti"' in text


def test_a_logged_change_and_a_foreign_repository_are_said_before_saving(
    client: Client, use_case: UseCase, mira: User
) -> None:
    log_delivery(use_case=use_case, actor=make_user(name="Somebody Else"), at=NOW, change=change(1))
    other = make_use_case()
    text = text_of(
        client, reverse("log-delivery-link"), use_case=other.slug, by_hand="1",
        link=f"https://git.example.com/x/commit/{make_sha(1)}",
    )  # fmt: skip
    assert "logged already" in text
    assert "not linked to this use case" in text
    assert "Somebody Else" not in text


@pytest.mark.both_engines
@pytest.mark.parametrize("link", ["", " ", "h", "https:", "x" * 5000, "https://a.example/\x00"])
def test_half_typed_and_absurd_links_do_no_harm(
    client: Client, use_case: UseCase, mira: User, link: str
) -> None:
    slug = {"use_case": use_case.slug, "words": link}
    text_of(client, reverse("log-delivery-changes"), **slug)
    text_of(client, URL, link=link, use_case=f"{link}\x00")
    text_of(client, reverse("log-delivery-link"), link=link)
    assert send(client, use_case=use_case.slug, link=link).status_code == 200
    assert not Delivery.objects.exists()


# --- picking ---------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_changes_to_pick_wait_newest_first_and_can_be_searched(
    client: Client, use_case: UseCase, mira: User
) -> None:
    path = reverse("log-delivery-changes")
    text = text_of(client, path, use_case=use_case.slug)
    assert text.index("Change 2") < text.index("Faster search")
    assert "Change 3" not in text  # no evidence
    found = text_of(client, path, use_case=use_case.slug, words="fast SEARCH")
    assert "Faster search" in found
    assert "Change 2" not in found
    assert "Faster search" in text_of(client, path, use_case=use_case.slug, words=make_sha(1)[:8])
    assert "matches “nothing”" in text_of(client, path, use_case=use_case.slug, words="nothing")
    log_delivery(use_case=use_case, actor=mira, at=NOW, change=change(1))
    assert "Faster search" not in text_of(client, path, use_case=use_case.slug)


def test_a_picked_change_stays_while_searching_for_another(
    client: Client, use_case: UseCase, mira: User
) -> None:
    text = text_of(
        client, reverse("log-delivery-changes"), use_case=use_case.slug, words="change 2",
        change=str(change(1).pk),
    )  # fmt: skip
    assert f'value="{change(1).pk}" checked' in text


@pytest.mark.both_engines
@pytest.mark.parametrize("picked", ["x", "-1", "99999999999999999999", "1 OR 1=1", "\x00"])
def test_a_key_that_is_none_picks_nothing(
    client: Client, use_case: UseCase, mira: User, picked: str
) -> None:
    path = reverse("log-delivery-changes")
    assert "Change 2" in text_of(client, path, use_case=use_case.slug, change=picked)
    assert send(client, use_case=use_case.slug, change=picked).status_code == 200
    assert not Delivery.objects.exists()


def test_home_leads_to_the_page_with_the_change_picked(
    client: Client, use_case: UseCase, mira: User
) -> None:
    text = text_of(client, URL, use_case=use_case.slug, change=str(change(1).pk))
    assert f'value="{change(1).pk}" checked' in text


# --- saving ----------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_picking_and_saving_logs_it_and_says_where_it_stands(
    client: Client, use_case: UseCase, mira: User
) -> None:
    response = client.post(
        URL,
        {"use_case": use_case.slug, "change": change(1).pk, "link": "", "assistance": "assisted"},
        follow=True,
    )
    delivery = Delivery.objects.get()
    assert (delivery.claimed_by, delivery.state) == (mira, DeliveryState.HELD)
    assert delivery.claimed_at == NOW
    assert "Logged. In production since 2 Oct 2026" in response.content.decode()
    assert response.redirect_chain[0][0] == reverse("my-deliveries")


def test_a_document_is_logged_with_its_title(client: Client, use_case: UseCase, mira: User) -> None:
    send(client, use_case=use_case.slug, link="docs.example.com/plan", title="Training plan")
    delivery = Delivery.objects.get()
    assert (delivery.link, delivery.title) == (DOCUMENT, "Training plan")
    assert delivery.state == DeliveryState.CLAIMED


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"link": ""}, "link", "Pick a change, or paste a link"),
        ({"link": DOCUMENT}, "title", "say in a few words"),
        ({"link": "javascript:alert(1)", "title": "x"}, "link", "valid URL"),
        ({"link": DOCUMENT, "title": "x", "use_case": ""}, "use_case", "required"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(
    client: Client, use_case: UseCase, mira: User, values: dict[str, str], field: str, words: str
) -> None:
    response = send(client, **({"use_case": use_case.slug} | values))
    text = response.content.decode()
    assert response.status_code == 200
    start = text.index(f'id="id_{field}_error"')
    assert words in text[start : start + 300]
    if values["link"]:
        assert values["link"] in text
    assert not Delivery.objects.exists()


def test_a_link_and_a_picked_change_together_are_refused(
    client: Client, use_case: UseCase, mira: User
) -> None:
    text = send(client, use_case=use_case.slug, link=DOCUMENT, change=change(1).pk).content.decode()
    start = text.index('id="id_change_error"')
    assert "The link above" in text[start : start + 300]


@pytest.mark.both_engines
def test_a_change_that_somebody_logged_meanwhile_is_refused_without_a_name(
    client: Client, use_case: UseCase, mira: User
) -> None:
    log_delivery(use_case=use_case, actor=make_user(name="Somebody Else"), at=NOW, change=change(1))
    text = send(client, use_case=use_case.slug, change=change(1).pk).content.decode()
    start = text.index('id="id_change_error"')
    assert "logged already" in text[start : start + 300]
    assert "Somebody Else" not in text


def test_without_scripts_a_button_shows_the_changes_and_saves_nothing(
    client: Client, use_case: UseCase, mira: User
) -> None:
    text = send(client, use_case=use_case.slug, show="1", words="faster").content.decode()
    assert "Faster search" in text
    assert "Change 2" not in text
    assert chosen(text) == [use_case.slug]
    assert "field-errors" not in text
    assert not Delivery.objects.exists()
