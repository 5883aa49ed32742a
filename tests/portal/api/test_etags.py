"""What has not changed is not sent again; what has changed is not overwritten."""

from __future__ import annotations

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import Connection, User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.portal.api.toy_urls")]
THINGS, THING = "/api/v1/things/", "/api/v1/things/1/"


def test_an_unchanged_list_is_304_until_it_changes(api: APIClient) -> None:
    first = api.get(THINGS)
    assert first["Cache-Control"] == "private, no-cache"
    again = api.get(THINGS, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == first["ETag"]
    Connection.objects.create(
        slug="c", name="c", source="toy", kind="costs", created_at=timezone.now()
    )
    changed = api.get(THINGS, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_a_tag_holds_for_its_address_and_person_only(api: APIClient) -> None:
    tag = api.get(THINGS)["ETag"]
    assert api.get(f"{THINGS}?limit=5", headers={"if-none-match": tag}).status_code == 200
    other = APIClient()
    other.force_login(User.objects.create_user("bob"))
    assert other.get(THINGS, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', "*"])
def test_if_none_match_is_read_as_http_says(api: APIClient, form: str) -> None:
    tag = api.get(THING)["ETag"]
    response = api.get(THING, headers={"if-none-match": form.format(tag)})
    assert response.status_code == 304


def test_a_compressed_answer_keeps_a_usable_tag(api: APIClient) -> None:
    for number in range(30):
        Connection.objects.create(
            slug=f"c{number}", name="c", source="toy", kind="costs", created_at=timezone.now()
        )
    response = api.get(THINGS, headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert response["ETag"].startswith("W/")
    again = api.get(THINGS, headers={"if-none-match": response["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("given", [None, "", "*"])
def test_a_change_must_say_which_version_it_changes(api: APIClient, given: str | None) -> None:
    headers = {} if given is None else {"if-match": given}
    response = api.patch(THING, {}, format="json", headers=headers)
    assert response.status_code == 428
    assert response.json()["type"].endswith(":version-required")


@pytest.mark.parametrize("given", ['"v2-abc"', "v3", '"3"', '"v2", "v3"', '"x"', '"v9999999999"'])
def test_a_change_of_another_version_is_refused(api: APIClient, given: str) -> None:
    response = api.patch(THING, {}, format="json", headers={"if-match": given})
    assert response.status_code == 412
    assert response.json()["type"].endswith(":stale-version")


def test_the_tag_that_was_read_opens_the_change(api: APIClient) -> None:
    tag = api.get(THING)["ETag"]
    for form in (tag, f"W/{tag}", '"v3"'):
        response = api.patch(THING, {}, format="json", headers={"if-match": form})
        assert response.status_code == 200
        assert response["ETag"] != tag
