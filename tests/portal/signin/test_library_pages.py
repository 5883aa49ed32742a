"""Of the libraries' pages only those that are wanted exist."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from portal.models import User

WANTED = {
    "account_login",
    "account_reauthenticate",
    "mfa_activate_totp",
    "mfa_authenticate",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_view_recovery_codes",
    "saml_acs",
    "saml_finish_acs",
    "saml_login",
    "saml_metadata",
    "saml_sls",
}
UNWANTED = [
    "account_signup",
    "account_reset_password",
    "account_email",
    "account_change_password",
    "account_set_password",
    "account_logout",
    "account_inactive",
    "account_confirm_email",
    "account_request_login_code",
    "socialaccount_signup",
    "socialaccount_connections",
    "socialaccount_login_error",
    "mfa_download_recovery_codes",
    "mfa_list_webauthn",
    "usersessions_list",
    "openid_connect_login",
]


def test_no_name_of_a_library_is_there_but_those_that_are_wanted() -> None:
    prefixes = ("account_", "socialaccount_", "mfa_", "saml_", "usersessions_", "openid_")
    names = {str(name) for name in get_resolver().reverse_dict if isinstance(name, str)}
    for pattern in get_resolver().url_patterns:
        inner = getattr(pattern, "url_patterns", [])
        names |= {str(each.name) for each in inner if getattr(each, "name", None)}
    assert {name for name in names if name.startswith(prefixes)} == WANTED


@pytest.mark.parametrize("name", UNWANTED)
def test_this_page_does_not_exist(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/login/",
        "/accounts/social/connections/",
        "/accounts/email/",
        "/account/signup/",
        "/signup/",
        "/accounts/",
    ],
)
def test_neither_does_its_usual_address(client: Client, ada: User, path: str) -> None:
    client.force_login(ada)
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
