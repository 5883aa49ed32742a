"""TLS to a pinned address: the name stays the name, and its certificate must be valid for it."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.imports.outbound.errors import AddressRefusedError
from tests.portal.imports.outbound.faults import QUICK, FaultServer, answer

NAME = "provider.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with key and self-signed certificate for `NAME`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "provider.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_with(certificate: Path, names: list[str]) -> FaultServer:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    return FaultServer(tls=tls, scripts=[answer()])


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_the_connection_goes_to_the_address_and_speaks_to_the_name(certificate: Path) -> None:
    names: list[str] = []
    with (
        server_with(certificate, names) as server,
        server.client(tls=trusting(certificate)) as client,
    ):
        assert client.fetch_json(server.url()).data == {"data": []}
        assert names == [NAME]
        assert f"Host: {NAME}:{server.port}".encode() in server.requests[0]


@pytest.mark.parametrize(("host", "is_trusted"), [(NAME, False), ("other.test", True)])
def test_a_certificate_that_is_not_valid_gets_no_request(
    certificate: Path, host: str, is_trusted: bool
) -> None:
    tls = trusting(certificate) if is_trusted else None
    with (
        server_with(certificate, []) as server,
        server.client(host, tls=tls) as client,
        pytest.raises(AddressRefusedError, match="certificate of .* is not valid"),
    ):
        client.fetch_json(server.url(host=host))
    assert server.requests == []


def test_a_server_that_speaks_no_tls_is_unavailable(certificate: Path) -> None:
    with FaultServer(scripts=[answer()]) as plain:
        client = plain.client(
            origins=[f"https://{NAME}:{plain.port}"], tls=trusting(certificate), limits=QUICK
        )
        with client, pytest.raises(Exception, match="failed|took too long"):
            client.fetch_json(f"https://{NAME}:{plain.port}/")
