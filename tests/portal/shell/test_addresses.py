"""Remembered addresses are Django's own, in every place where those can differ."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import NoReverseMatch, path, reverse, set_script_prefix

from portal.shell.addresses import address_of

urlpatterns = [path("elsewhere/", lambda request: HttpResponse(), name="home")]


@pytest.mark.parametrize(
    ("name", "arguments"), [("home", ()), ("use-case", ("a-b",)), ("connection", ("x y",))]
)
def test_it_is_what_reverse_gives(name: str, arguments: tuple[str, ...]) -> None:
    try:
        wanted = reverse(name, args=arguments)
    except NoReverseMatch:
        with pytest.raises(NoReverseMatch):
            address_of(name, *arguments)
        return
    assert address_of(name, *arguments) == wanted == address_of(name, *arguments)


def test_another_place_of_the_site_is_another_address() -> None:
    before = address_of("home")
    set_script_prefix("/portal/")
    try:
        assert address_of("home") == "/portal/"
    finally:
        set_script_prefix("/")
    assert address_of("home") == before


def test_another_table_of_addresses_is_asked_anew() -> None:
    assert address_of("home") == "/"
    with override_settings(ROOT_URLCONF=__name__):
        assert address_of("home") == "/elsewhere/"
    assert address_of("home") == "/"
