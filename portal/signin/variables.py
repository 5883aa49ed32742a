"""The environment variables of signing in, and what they add up to.

Read by `portal/env.py`, so nothing here may import Django's settings or models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

ROLES = ("programme_lead", "finance", "approver", "auditor", "administrator")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One OpenID Connect provider. `issuer` has no trailing well-known part."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    scopes: tuple[str, ...]
    group_claim: str


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """One SAML identity provider, as its metadata file describes it."""

    metadata_file: Path
    entity_id: str
    name: str
    uid_attribute: str
    email_attribute: str
    name_attribute: str
    group_attribute: str
    key_file: Path | None
    certificate_file: Path | None


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """How people get in.

    Attributes:
        group_roles: what a group of the identity provider is worth; no other group counts.
        local_accounts: whether anybody but the break-glass account signs in with a password.
        second_factor: whether administrators with a local account need one.
        session_hours: after so long a session ends, used or not.
    """

    oidc: OidcSettings | None
    saml: SamlSettings | None
    group_roles: tuple[tuple[str, str], ...]
    local_accounts: bool
    second_factor: bool
    session_hours: int

    def roles_of(self, groups: frozenset[str]) -> frozenset[str]:
        """The roles that the allow-list gives for these groups."""
        return frozenset(role for group, role in self.group_roles if group in groups)


class SignInVariables(BaseModel):
    """The variables, under their real names (lower-cased)."""

    plumbline_local_sign_in: bool = True
    plumbline_require_second_factor: bool | None = None
    plumbline_session_hours: int = Field(default=12, ge=1, le=168)
    plumbline_sso_roles: str = ""
    plumbline_oidc_issuer: str = ""
    plumbline_oidc_client_id: str = ""
    plumbline_oidc_client_secret: str = ""
    plumbline_oidc_client_secret_file: Path | None = None
    plumbline_oidc_name: str = "your organisation"
    plumbline_oidc_scopes: str = "openid profile email"
    plumbline_oidc_group_claim: str = "groups"
    plumbline_saml_metadata_file: Path | None = None
    plumbline_saml_entity_id: str = ""
    plumbline_saml_name: str = "your organisation (SAML)"
    plumbline_saml_uid_attribute: str = ""
    plumbline_saml_email_attribute: str = (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    )
    plumbline_saml_name_attribute: str = "http://schemas.microsoft.com/identity/claims/displayname"
    plumbline_saml_group_attribute: str = (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
    )
    plumbline_saml_key_file: Path | None = None
    plumbline_saml_certificate_file: Path | None = None

    def sign_in(self, *, is_production: bool) -> SignInSettings:
        """What the variables add up to.

        Raises:
            ValueError: naming the variable, what is wrong and what is expected.
        """
        second_factor = self.plumbline_require_second_factor
        if second_factor is None:
            second_factor = is_production
        found = SignInSettings(
            oidc=self._oidc(is_production=is_production),
            saml=self._saml(),
            group_roles=read_group_roles(self.plumbline_sso_roles),
            local_accounts=self.plumbline_local_sign_in,
            second_factor=second_factor,
            session_hours=self.plumbline_session_hours,
        )
        if is_production and not second_factor:
            raise ValueError(
                "PLUMBLINE_REQUIRE_SECOND_FACTOR: production asks administrators with a local "
                "account for a second factor; unset it"
            )
        if not found.local_accounts and found.oidc is None and found.saml is None:
            raise ValueError(
                "PLUMBLINE_LOCAL_SIGN_IN: false locks everybody out while no identity provider is "
                "set; set PLUMBLINE_OIDC_ISSUER or PLUMBLINE_SAML_METADATA_FILE first"
            )
        return found

    def _oidc(self, *, is_production: bool) -> OidcSettings | None:
        if not self.plumbline_oidc_issuer:
            return None
        issuer = self.plumbline_oidc_issuer.rstrip("/")
        _refuse_plain_http(issuer, is_production=is_production)
        secret = self.plumbline_oidc_client_secret
        if self.plumbline_oidc_client_secret_file is not None:
            secret = _text_of(
                self.plumbline_oidc_client_secret_file, "PLUMBLINE_OIDC_CLIENT_SECRET_FILE"
            ).strip()
        if not self.plumbline_oidc_client_id or not secret:
            raise ValueError(
                "PLUMBLINE_OIDC_CLIENT_ID, PLUMBLINE_OIDC_CLIENT_SECRET (or …_SECRET_FILE): both "
                "are needed with PLUMBLINE_OIDC_ISSUER"
            )
        scopes = tuple(self.plumbline_oidc_scopes.split())
        if "openid" not in scopes:
            raise ValueError("PLUMBLINE_OIDC_SCOPES: must contain openid")
        return OidcSettings(
            issuer=issuer,
            client_id=self.plumbline_oidc_client_id,
            client_secret=secret,
            name=self.plumbline_oidc_name,
            scopes=scopes,
            group_claim=self.plumbline_oidc_group_claim,
        )

    def _saml(self) -> SamlSettings | None:
        file = self.plumbline_saml_metadata_file
        if file is None:
            return None
        _text_of(file, "PLUMBLINE_SAML_METADATA_FILE")
        key, certificate = self.plumbline_saml_key_file, self.plumbline_saml_certificate_file
        if (key is None) != (certificate is None):
            raise ValueError(
                "PLUMBLINE_SAML_KEY_FILE, PLUMBLINE_SAML_CERTIFICATE_FILE: give both or neither"
            )
        for path, variable in (
            (key, "PLUMBLINE_SAML_KEY_FILE"),
            (certificate, "PLUMBLINE_SAML_CERTIFICATE_FILE"),
        ):
            if path is not None:
                _text_of(path, variable)
        return SamlSettings(
            metadata_file=file,
            entity_id=self.plumbline_saml_entity_id,
            name=self.plumbline_saml_name,
            uid_attribute=self.plumbline_saml_uid_attribute,
            email_attribute=self.plumbline_saml_email_attribute,
            name_attribute=self.plumbline_saml_name_attribute,
            group_attribute=self.plumbline_saml_group_attribute,
            key_file=key,
            certificate_file=certificate,
        )


def _refuse_plain_http(issuer: str, *, is_production: bool) -> None:
    parts = urlsplit(issuer)
    is_loopback = parts.hostname in _LOOPBACK and not is_production
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback)):
        return
    raise ValueError(
        "PLUMBLINE_OIDC_ISSUER: must be an https address such as https://login.example.com/realm"
    )


def _text_of(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{variable}: {path} cannot be read ({error})") from None


def read_group_roles(text: str) -> tuple[tuple[str, str], ...]:
    """`group=role` pairs separated by commas. A group may have several roles, in several pairs.

    Raises:
        ValueError: a pair has no equals sign or names an unknown role.
    """
    pairs = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        group, separator, role = (each.strip() for each in part.rpartition("="))
        if not separator or not group or role not in ROLES:
            raise ValueError(
                f"PLUMBLINE_SSO_ROLES: {part!r} is not of the form group=role with one of "
                f"{', '.join(ROLES)}"
            )
        pairs.append((group, role))
    return tuple(pairs)
