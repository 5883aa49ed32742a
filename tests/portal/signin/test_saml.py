"""Signing in through SAML: our metadata, one signed assertion, and assertions that do not hold."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.test import Client
from onelogin.saml2.constants import OneLogin_Saml2_Constants
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from portal.models import RoleGrant, User
from portal.signin.variables import SamlSettings

pytestmark = pytest.mark.django_db
PROVIDER = "https://idp.example/metadata"
ACS = "http://testserver/sign-in/saml/saml/acs/"
OURS = "http://testserver/sign-in/saml/saml/metadata/"
GROUPS = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
NAME = "http://schemas.microsoft.com/identity/claims/displayname"
REQUEST_NS = "urn:oasis:names:tc:SAML:2.0:protocol"


def make_pair() -> tuple[str, str]:
    """A private key and a certificate for it, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )


KEY, CERTIFICATE = make_pair()
METADATA = f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{PROVIDER}">
<IDPSSODescriptor protocolSupportEnumeration="{REQUEST_NS}">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
<X509Certificate>{"".join(CERTIFICATE.splitlines()[1:-1])}</X509Certificate>
</X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
 Location="https://idp.example/sso"/>
</IDPSSODescriptor></EntityDescriptor>"""


@pytest.fixture
def saml(tmp_path: Path, rules: Any) -> SamlSettings:
    """A configured SAML provider."""
    file = tmp_path / "metadata.xml"
    file.write_text(METADATA, encoding="utf-8")
    found = SamlSettings(
        metadata_file=file,
        entity_id="",
        name="Acme SAML",
        uid_attribute="",
        email_attribute=EMAIL,
        name_attribute=NAME,
        group_attribute=GROUPS,
        key_file=None,
        certificate_file=None,
    )
    rules(saml=found, group_roles=(("plumbline-finance", "finance"),))
    return found


def begin(client: Client) -> str:
    """Go to the provider; the id of our request."""
    answer = client.get("/sign-in/saml/saml/?next=/account/")
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith("https://idp.example/sso?")
    packed = parse_qs(urlsplit(location).query)["SAMLRequest"][0]
    request = ElementTree.fromstring(zlib.decompress(base64.b64decode(packed), -15))  # noqa: S314  (written by our own code)
    assert request.attrib["AssertionConsumerServiceURL"] == ACS
    return request.attrib["ID"]


def assertion(request_id: str, **lies: str) -> str:
    """An assertion about Ines; `lies` overwrite parts of it."""
    now = dt.datetime.now(dt.UTC)
    until = lies.get("until", f"{now + dt.timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}")
    moment = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    answers = f' InResponseTo="{request_id}"' if request_id else ""
    attributes = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue>'
        "</saml:Attribute>"
        for name, value in (
            (EMAIL, "ines@acme.example"),
            (NAME, "Ines Okafor"),
            (GROUPS, "plumbline-finance"),
        )
    )
    return (
        f'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" '
        f'Version="2.0" IssueInstant="{moment}"><saml:Issuer>{lies.get("issuer", PROVIDER)}'
        "</saml:Issuer><saml:Subject><saml:NameID>subject-1</saml:NameID>"
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{until}" '
        f'Recipient="{lies.get("recipient", ACS)}"{answers}/>'
        "</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{moment}" NotOnOrAfter="{until}"><saml:AudienceRestriction>'
        f"<saml:Audience>{lies.get('audience', OURS)}</saml:Audience></saml:AudienceRestriction>"
        f'</saml:Conditions><saml:AuthnStatement AuthnInstant="{moment}"><saml:AuthnContext>'
        "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
        "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
        f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
    )


def response_with(signed: str, request_id: str) -> str:
    moment = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    answers = f' InResponseTo="{request_id}"' if request_id else ""
    return (
        f'<samlp:Response xmlns:samlp="{REQUEST_NS}" ID="_r1" Version="2.0" '
        f'IssueInstant="{moment}" Destination="{ACS}"{answers}>'
        '<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
        f"{PROVIDER}</saml:Issuer><samlp:Status><samlp:StatusCode "
        'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
        f"{signed}</samlp:Response>"
    )


def sign(xml: str, key: str = KEY, certificate: str = CERTIFICATE) -> str:
    signed = OneLogin_Saml2_Utils.add_sign(
        xml,
        key,
        certificate,
        sign_algorithm=OneLogin_Saml2_Constants.RSA_SHA256,
        digest_algorithm=OneLogin_Saml2_Constants.SHA256,
    )
    return (signed.decode() if isinstance(signed, bytes) else str(signed)).strip()


def come_back(client: Client, xml: str) -> Any:
    """The browser posts what the provider gave it, and follows on."""
    packed = base64.b64encode(xml.encode()).decode()
    answer = client.post("/sign-in/saml/saml/acs/", {"SAMLResponse": packed})
    assert answer.status_code == 302
    return client.get(answer.headers["Location"])


def test_the_metadata_say_who_we_are(client: Client, saml: SamlSettings) -> None:
    answer = client.get("/sign-in/saml/saml/metadata/")
    assert answer.headers["Content-Type"] == "text/xml"
    found = ElementTree.fromstring(answer.content)  # noqa: S314  (written by our own code)
    assert found.attrib["entityID"] == OURS
    assert ACS in answer.content.decode()
    assert 'WantAssertionsSigned="true"' in answer.content.decode()


def test_requests_and_metadata_are_signed_with_our_key(
    client: Client, saml: SamlSettings, rules: Any, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_text(KEY, encoding="utf-8")
    (tmp_path / "certificate.pem").write_text(CERTIFICATE, encoding="utf-8")
    rules(
        saml=dataclasses.replace(
            saml, key_file=tmp_path / "key.pem", certificate_file=tmp_path / "certificate.pem"
        )
    )
    assert b"SignatureValue" in client.get("/sign-in/saml/saml/metadata/").content
    assert "Signature=" in client.get("/sign-in/saml/saml/").headers["Location"]


def test_a_signed_assertion_signs_in(client: Client, saml: SamlSettings) -> None:
    request_id = begin(client)
    answer = come_back(client, response_with(sign(assertion(request_id)), request_id))
    assert answer.status_code == 302, answer.content.decode()
    assert answer.headers["Location"] == "/account/"
    ines = User.objects.get()
    assert (ines.full_name, ines.email) == ("Ines Okafor", "ines@acme.example")
    assert ines.person_key == f"{PROVIDER}|subject-1"
    assert RoleGrant.objects.get().role == "finance"
    assert client.get("/account/").status_code == 200


OTHER_KEY, OTHER_CERTIFICATE = make_pair()


def _expired() -> str:
    return f"{dt.datetime.now(dt.UTC) - dt.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    "lie",
    [
        "not signed",
        "signed by somebody else",
        "changed after signing",
        "another audience",
        "another recipient",
        "another issuer",
        "expired",
        "answers a request of another browser",
        "answers no request",
        "not xml",
        "a document type of its own",
        "no subject",
    ],
)
def test_an_assertion_that_does_not_hold_is_refused(
    client: Client, saml: SamlSettings, lie: str
) -> None:
    request_id = begin(client)
    if lie == "answers a request of another browser":
        request_id = begin(Client())
    if lie == "answers no request":
        request_id = ""
    lies = {
        "another audience": {"audience": "https://elsewhere.example"},
        "another recipient": {"recipient": "https://elsewhere.example"},
        "another issuer": {"issuer": "https://evil.example"},
        "expired": {"until": _expired()},
    }.get(lie, {})
    plain = assertion(request_id, **lies)
    if lie == "no subject":
        plain = plain.replace("<saml:NameID>subject-1</saml:NameID>", "<saml:NameID/>")
    if lie == "not signed":
        signed = plain
    elif lie == "signed by somebody else":
        signed = sign(plain, OTHER_KEY, OTHER_CERTIFICATE)
    else:
        signed = sign(plain)
    if lie == "changed after signing":
        signed = signed.replace("subject-1", "subject-2")
    xml = "nonsense" if lie == "not xml" else response_with(signed, request_id)
    if lie == "a document type of its own":
        xml = f'<!DOCTYPE x [<!ENTITY a "b">]>{xml}'
    answer = come_back(client, xml)
    assert answer.status_code in (401, 403), answer.status_code
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


def test_a_response_is_taken_once(client: Client, saml: SamlSettings) -> None:
    request_id = begin(client)
    xml = response_with(sign(assertion(request_id)), request_id)
    assert come_back(client, xml).status_code == 302
    client.post("/sign-out/")
    assert come_back(client, xml).status_code in (401, 403)
    assert "_auth_user_id" not in client.session


def test_what_is_too_large_to_be_an_assertion_is_not_kept(
    client: Client, saml: SamlSettings
) -> None:
    from django.contrib.sessions.models import Session

    answer = client.post("/sign-in/saml/saml/acs/", {"SAMLResponse": "x" * 300_000})
    assert answer.status_code == 413
    assert not Session.objects.exists()


def test_single_logout_is_not_offered(client: Client, saml: SamlSettings) -> None:
    assert client.get("/sign-in/saml/saml/sls/?SAMLRequest=x").status_code == 404
