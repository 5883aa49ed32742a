"""SAML, through the same library. The provider comes from its metadata file, never from the net."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.http import HttpRequest
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

from portal.models import User
from portal.services.sign_in import ProviderIdentity
from portal.signin.addresses import own_path_or
from portal.signin.variables import SamlSettings

PROVIDER_ID = "saml"


@lru_cache(maxsize=4)
def _provider_of(metadata_file: Path, changed_at: float) -> dict[str, Any]:
    text = metadata_file.read_text(encoding="utf-8")
    found: dict[str, Any] = OneLogin_Saml2_IdPMetadataParser.parse(text)["idp"]
    return found


def saml_app() -> SocialApp:
    """The configured provider, as allauth wants it: never a row of the database.

    Raises:
        SocialApp.DoesNotExist: no provider is configured.
    """
    found = settings.SIGN_IN.saml
    if found is None:
        raise SocialApp.DoesNotExist
    provider = _provider_of(found.metadata_file, found.metadata_file.stat().st_mtime)
    app = SocialApp(
        provider="saml", provider_id=PROVIDER_ID, name=found.name, client_id=PROVIDER_ID
    )
    app.settings = {
        "idp": {
            "entity_id": provider["entityId"],
            "sso_url": provider["singleSignOnService"]["url"],
            "x509cert": _certificate_of(provider),
        },
        "advanced": _security(found),
    }
    # The library would look the class up among installed providers; ours is not one of them.
    app.get_provider = partial(StrictSamlProvider, app=app)
    if found.entity_id:
        app.settings["sp"] = {"entity_id": found.entity_id}
    return app


def _certificate_of(provider: dict[str, Any]) -> str:
    if "x509cert" in provider:
        return str(provider["x509cert"])
    return str(provider["x509certMulti"]["signing"][0])


def _security(found: SamlSettings) -> dict[str, Any]:
    """Signed assertions, current algorithms, no sign-in that was not begun here."""
    rules: dict[str, Any] = {
        "strict": True,
        "want_assertion_signed": True,
        "want_name_id": True,
        "want_attribute_statement": False,
        "reject_deprecated_algorithm": True,
        "reject_idp_initiated_sso": True,
        "allow_single_label_domains": True,
        "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    }
    if found.key_file is not None and found.certificate_file is not None:
        rules |= {
            "private_key": found.key_file.read_text(encoding="utf-8"),
            "x509cert": found.certificate_file.read_text(encoding="utf-8"),
            "authn_request_signed": True,
            "metadata_signed": True,
        }
    return rules


class StrictSamlProvider(SAMLProvider):  # type: ignore[misc]
    """Turns a checked assertion into an identity."""

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        found = settings.SIGN_IN.saml
        if found is None:
            raise SocialApp.DoesNotExist
        identity = identity_of(response, found, self.issuer)
        login = SocialLogin(
            user=User(username=identity.username),
            account=SocialAccount(provider=PROVIDER_ID, uid=identity.key),
            provider=self,
        )
        login.identity = identity
        return login

    @property
    def issuer(self) -> str:
        """The entity id of the identity provider."""
        return str(self.app.settings["idp"]["entity_id"])

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only `next` is taken from the request, and only when it is a path of ours."""
        return {"process": "login", "next_url": own_path_or(request.GET.get("next", ""), "")}


def identity_of(response: Any, app: SamlSettings, issuer: str) -> ProviderIdentity:
    """What a checked assertion says about its subject.

    Raises:
        ValueError: it names none.
    """
    attributes: dict[str, list[str]] = response.get_attributes()

    def first(name: str) -> str:
        return str((attributes.get(name) or [""])[0])

    email = first(app.email_attribute)
    subject = first(app.uid_attribute) if app.uid_attribute else response.get_nameid()
    if not subject:
        raise ValueError("the assertion names no subject")
    return ProviderIdentity(
        provider=PROVIDER_ID,
        issuer=issuer,
        subject=str(subject),
        username=email or str(response.get_nameid()),
        full_name=first(app.name_attribute),
        email=email,
        groups=frozenset(attributes.get(app.group_attribute) or ()),
    )
