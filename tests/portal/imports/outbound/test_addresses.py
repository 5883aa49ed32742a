"""Where a fetch may go (failure catalogue, row 63)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from portal.imports.contracts import SourceUnavailableError
from portal.imports.http import OutboundClient
from portal.imports.outbound.addresses import (
    OutboundPolicy,
    checked_addresses,
    read_url,
    refuse_address,
)
from portal.imports.outbound.errors import AddressRefusedError
from tests.portal.imports.outbound.faults import LOOPBACK, FaultServer, answer

PUBLIC = OutboundPolicy()
SECRET = "sk-canary-5b1fe0c2d94a7733"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/",
        "file:///etc/passwd",
        "ftp://api.example/",
        "gopher://api.example/",
        "//api.example/",
        "api.example/",
        "https://user@api.example/",
        "https://user:pass@api.example/",
        "https://api.example@evil.example/",
        "https://api.example\\@evil.example/",
        "https://api.example /",
        "https://api.example/\r\nHost: evil.example",
        "https://api.example/\u00e9",
        "https://\uff45vil.example/",
        "https://api.example/#part",
        "https://api.example:port/",
        "https://api.example:99999/",
        "https://[::1/",
        "https://",
        "https:///path",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://api.example./",
        "https://-api.example/",
        "https://api..example/",
        f"https://{'a' * 64}.example/",
    ],
)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        read_url(url, PUBLIC)


def test_a_plain_url_is_taken_apart() -> None:
    target = read_url("https://API.example/v1/costs?after=a%20b", PUBLIC)
    assert (target.origin, target.path) == (
        ("https", "api.example", 443),
        "/v1/costs?after=a%20b",
    )
    assert target.place == "api.example/v1/costs"
    assert target.host_header == "api.example"
    assert read_url("https://[2606:4700::1]:8443/", PUBLIC).host_header == "[2606:4700::1]:8443"
    assert read_url("https://xn--bcher-kva.example", PUBLIC).path == "/"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104  (asked for, never bound)
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refuse_address(ip_address(address), PUBLIC)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "140.82.112.3", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_what_is_public_is_called(address: str) -> None:
    assert refuse_address(ip_address(address), PUBLIC) == ""


def test_a_private_network_is_opened_by_the_deployment_and_a_metadata_service_by_nobody() -> None:
    everything = OutboundPolicy((ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert refuse_address(ip_address("10.2.3.4"), everything) == ""
    for address in ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "fe80::1"):
        assert "metadata" in refuse_address(ip_address(address), everything)
    narrow = OutboundPolicy((ip_network("10.2.0.0/16"),))
    assert refuse_address(ip_address("10.2.3.4"), narrow) == ""
    assert refuse_address(ip_address("::ffff:10.2.3.4"), narrow) == ""
    assert refuse_address(ip_address("10.3.0.1"), narrow)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_written(address: IPv4Address) -> None:
    plain = refuse_address(address, PUBLIC)
    number = int(address)
    for inside in (f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"):
        assert bool(refuse_address(ip_address(inside), PUBLIC)) == bool(plain)


def test_one_bad_address_among_good_ones_refuses_them_all() -> None:
    with pytest.raises(AddressRefusedError, match=r"leads to 10\.0\.0\.1"):
        checked_addresses(
            "api.example", 443, PUBLIC, resolver=lambda h, p: ["1.1.1.1", "10.0.0.1"], seconds=1
        )


@pytest.mark.parametrize("found", [[], ["1.1.1.1"]])
def test_a_look_up_ends_in_time(found: list[str]) -> None:
    never = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        if found:
            never.wait(1)
        return found

    with pytest.raises(SourceUnavailableError):
        checked_addresses("api.example", 443, PUBLIC, resolver=slow, seconds=0.05)
    never.set()


class TestRealConnections:
    def client_that_resolves(
        self, server: FaultServer, resolver: Callable[[str, int], Any], **changes: Any
    ) -> OutboundClient:
        headers = {"Authorization": SecretStr(f"Bearer {SECRET}")}
        return server.client(resolver=resolver, headers=headers, **changes)

    def test_a_name_that_leads_inside_gets_neither_connection_nor_credential(self) -> None:
        with FaultServer(scripts=[answer()]) as server:
            closed = OutboundPolicy(allow_http=True)
            client = self.client_that_resolves(server, lambda h, p: ["127.0.0.1"], policy=closed)
            with client, pytest.raises(AddressRefusedError, match="not a public address") as caught:
                client.fetch_json(server.url())
            assert (server.connections, server.requests) == (0, [])
            assert SECRET not in str(caught.value)

    def test_a_resolver_with_two_answers_gains_nothing(self) -> None:
        """First the allowed address, then an inside one: each connection goes where was checked."""
        answers = itertools.cycle([["127.0.0.1"], ["10.0.0.1"]])
        asked: list[list[str]] = []

        def rebinding(host: str, port: int) -> list[str]:
            asked.append(next(answers))
            return asked[-1]

        with FaultServer(scripts=[answer()]) as server:
            client = self.client_that_resolves(server, rebinding)
            with client:
                assert client.fetch_json(server.url()).data == {"data": []}
                assert len(asked) == 1  # resolved once: the check and the connection share it
                with pytest.raises(AddressRefusedError, match=r"leads to 10\.0\.0\.1"):
                    client.fetch_json(server.url())
            assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:{port}/",
            "http://localhost:{port}/",
            "http://provider.test:{port}@127.0.0.1:{port}/",
            "http://other.test:{port}/",
            "http://provider.test:1/",
            "https://provider.test:{port}/",
        ],
    )
    def test_another_origin_than_the_allowed_ones_is_not_asked(self, url: str) -> None:
        with FaultServer(scripts=[answer()]) as server, server.client() as client:
            with pytest.raises(AddressRefusedError):
                client.fetch_json(url.format(port=server.port))
            assert server.connections == 0

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int) -> None:
        with FaultServer() as server, server.client() as client:
            server.scripts = [answer(status, Location=server.url("/elsewhere"))]
            with pytest.raises(Exception, match="redirects are not followed"):
                client.fetch_json(server.url())
            assert len(server.requests) == 1

    def test_a_proxy_of_the_environment_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9/")
        with FaultServer(scripts=[answer()]) as server, server.client() as client:
            assert client.fetch_json(server.url()).data == {"data": []}

    def test_the_next_address_is_tried_when_the_first_cannot_be_reached(self) -> None:
        with FaultServer(scripts=[answer()]) as server:
            both = self.client_that_resolves(server, lambda h, p: ["127.0.0.2", "127.0.0.1"])
            with both:
                assert both.fetch_json(server.url()).data == {"data": []}

    def test_the_policy_of_the_deployment_is_used(self, settings: Any) -> None:
        from portal.imports.fetching import outbound_policy

        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
            update={"plumbline_private_networks": "127.0.0.0/8", "plumbline_allow_http": True}
        )
        assert outbound_policy() == LOOPBACK
