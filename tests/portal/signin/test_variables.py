"""The environment of signing in: read strictly, unsafe settings refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.env import Environment, UnsafeEnvironmentError
from portal.signin.variables import read_group_roles
from tests.portal.signin.test_saml import METADATA

SECRET = "x" * 60
PRODUCTION = {
    "PLUMBLINE_ENV": "production",
    "PLUMBLINE_SECRET_KEY": SECRET,
    "PLUMBLINE_ALLOWED_HOSTS": "plumbline.example.org",
    "PLUMBLINE_TOKEN_PEPPERS": f"1:{SECRET}",
    "PLUMBLINE_AUDIT_KEYS": f"1:{SECRET}",
    "DATABASE_URL": "postgresql://u:p@h/n",
    "CELERY_BROKER_URL": "redis://h/0",
}
OIDC = {
    "PLUMBLINE_OIDC_ISSUER": "https://login.example.com/realm/",
    "PLUMBLINE_OIDC_CLIENT_ID": "plumbline",
    "PLUMBLINE_OIDC_CLIENT_SECRET": "s3cret",
}


def test_a_provider_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    given = {
        **PRODUCTION,
        **OIDC,
        "PLUMBLINE_OIDC_CLIENT_SECRET": "",
        "PLUMBLINE_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "PLUMBLINE_SSO_ROLES": "plumbline-finance=finance, CN=Audit,OU=x=auditor".replace(
            ",OU", ""
        ),
        "PLUMBLINE_LOCAL_SIGN_IN": "false",
    }
    found = Environment.read(given).sign_in_settings
    assert found.oidc is not None
    assert found.oidc.issuer == "https://login.example.com/realm"
    assert found.oidc.client_secret == "from a file"
    assert found.second_factor
    assert not found.local_accounts
    assert found.roles_of(frozenset({"plumbline-finance", "finance", "administrator"})) == {
        "finance"
    }


def test_the_second_factor_is_asked_for_in_production_and_not_in_local_mode() -> None:
    assert Environment.read(PRODUCTION).sign_in_settings.second_factor
    assert not Environment.read({}).sign_in_settings.second_factor
    local = Environment.read({"PLUMBLINE_REQUIRE_SECOND_FACTOR": "true"})
    assert local.sign_in_settings.second_factor


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PLUMBLINE_REQUIRE_SECOND_FACTOR": "false"}, "PLUMBLINE_REQUIRE_SECOND_FACTOR"),
        ({"PLUMBLINE_LOCAL_SIGN_IN": "false"}, "PLUMBLINE_LOCAL_SIGN_IN"),
        ({"PLUMBLINE_SSO_ROLES": "plumbline-finance"}, "PLUMBLINE_SSO_ROLES"),
        ({"PLUMBLINE_SSO_ROLES": "g=superuser"}, "PLUMBLINE_SSO_ROLES"),
        ({"PLUMBLINE_SSO_ROLES": "=finance"}, "PLUMBLINE_SSO_ROLES"),
        ({"PLUMBLINE_SESSION_HOURS": "0"}, "PLUMBLINE_SESSION_HOURS"),
        ({**OIDC, "PLUMBLINE_OIDC_ISSUER": "http://login.example.com"}, "PLUMBLINE_OIDC_ISSUER"),
        ({**OIDC, "PLUMBLINE_OIDC_ISSUER": "http://127.0.0.1:1"}, "PLUMBLINE_OIDC_ISSUER"),
        ({**OIDC, "PLUMBLINE_OIDC_CLIENT_SECRET": ""}, "PLUMBLINE_OIDC_CLIENT_SECRET"),
        ({**OIDC, "PLUMBLINE_OIDC_CLIENT_ID": ""}, "PLUMBLINE_OIDC_CLIENT_ID"),
        ({**OIDC, "PLUMBLINE_OIDC_SCOPES": "profile"}, "PLUMBLINE_OIDC_SCOPES"),
        (
            {**OIDC, "PLUMBLINE_OIDC_CLIENT_SECRET_FILE": "/nonexistent"},
            "PLUMBLINE_OIDC_CLIENT_SECRET_FILE",
        ),
        ({"PLUMBLINE_SAML_METADATA_FILE": "/nonexistent"}, "PLUMBLINE_SAML_METADATA_FILE"),
    ],
)
def test_what_is_unsafe_or_unreadable_stops_production_by_name(
    given: dict[str, str], named: str
) -> None:
    with pytest.raises(UnsafeEnvironmentError, match=named):
        Environment.read({**PRODUCTION, **given})


def test_a_key_without_a_certificate_is_refused(tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.xml"
    metadata.write_text(METADATA, encoding="utf-8")
    given = {
        "PLUMBLINE_SAML_METADATA_FILE": str(metadata),
        "PLUMBLINE_SAML_KEY_FILE": str(metadata),
    }
    with pytest.raises(UnsafeEnvironmentError, match="PLUMBLINE_SAML_CERTIFICATE_FILE"):
        Environment.read(given)


def test_a_group_may_have_an_equals_sign_and_several_roles() -> None:
    assert read_group_roles("cn=a=finance,cn=a=auditor,") == (
        ("cn=a", "finance"),
        ("cn=a", "auditor"),
    )
