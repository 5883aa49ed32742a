"""Numbered secrets, and what the environment says about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.env import Environment, UnsafeEnvironmentError, new_encryption_key
from portal.keys import MissingKeyError

LONG = "s" * 50
PRODUCTION = {
    "PLUMBLINE_ENV": "production",
    "PLUMBLINE_SECRET_KEY": "k" * 50,
    "PLUMBLINE_ALLOWED_HOSTS": "plumbline.example.org",
    "DATABASE_URL": "postgresql://nobody@database.invalid/plumbline",
    "CELERY_BROKER_URL": "redis://broker.invalid/0",
    "PLUMBLINE_AUDIT_KEYS": "1:" + "a" * 50,
}


def test_the_highest_number_is_for_what_is_new_and_the_others_stay_readable() -> None:
    given = {"PLUMBLINE_TOKEN_PEPPERS": f"1:{LONG}a, 12:{LONG}b,3:{LONG}c"}
    peppers = Environment.read(PRODUCTION | given).token_peppers()
    assert peppers.newest == 12
    assert peppers.get(3) == f"{LONG}c"
    with pytest.raises(
        MissingKeyError, match=r"PLUMBLINE_TOKEN_PEPPERS has no number 2 .*1, 3, 12"
    ):
        peppers.get(2)
    assert LONG not in repr(peppers)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (LONG, "entry 1 must be a number, a colon and a secret"),
        (f"0:{LONG}", "entry 1 must be a number"),
        (f"\u0661:{LONG}", "entry 1 must be a number"),
        (f"1:{LONG},01:{LONG}", "number 1 is there twice"),
        (f"1:{LONG},2:short-secret", "number 2 must have at least 50 characters"),
    ],
)
def test_what_cannot_be_read_stops_the_start_and_shows_no_secret(value: str, said: str) -> None:
    with pytest.raises(UnsafeEnvironmentError, match="PLUMBLINE_TOKEN_PEPPERS") as caught:
        Environment.read({"PLUMBLINE_TOKEN_PEPPERS": value})
    assert said in str(caught.value)
    assert LONG not in str(caught.value)
    assert "short-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["abc", "é" * 44, new_encryption_key()[:-4], LONG],
    ids=["short", "letters", "cut", "long"],  # the same in every process
)
def test_a_credential_key_is_32_random_bytes(key: str) -> None:
    with pytest.raises(UnsafeEnvironmentError, match="number 1 must be 32 random bytes"):
        Environment.read({"PLUMBLINE_CREDENTIAL_KEYS": f"1:{key}"})
    good = new_encryption_key()
    keys = Environment.read({"PLUMBLINE_CREDENTIAL_KEYS": f"1:{good}"}).credential_keys()
    assert keys.get(1) == good


def test_production_starts_with_a_pepper_only_and_over_https_only() -> None:
    with pytest.raises(UnsafeEnvironmentError, match="PLUMBLINE_TOKEN_PEPPERS: production needs"):
        Environment.read(PRODUCTION)
    safe = PRODUCTION | {"PLUMBLINE_TOKEN_PEPPERS": f"1:{LONG}"}
    with pytest.raises(UnsafeEnvironmentError, match="PLUMBLINE_ALLOW_HTTP"):
        Environment.read(safe | {"PLUMBLINE_ALLOW_HTTP": "true"})
    found = Environment.read(safe)
    assert set(found.token_peppers().by_number) == {1}
    assert not found.credential_keys().by_number


def test_local_mode_makes_its_own_once_and_keeps_it_beside_what_is_given(tmp_path: Path) -> None:
    local = {"PLUMBLINE_VAR": str(tmp_path)}
    first = Environment.read(local)
    assert first.token_peppers().newest == 0
    assert first.token_peppers() == Environment.read(local).token_peppers()
    assert first.credential_keys().get(0) != first.token_peppers().get(0)
    assert (tmp_path / "token_pepper").stat().st_mode & 0o777 == 0o600
    later = Environment.read(local | {"PLUMBLINE_TOKEN_PEPPERS": f"1:{LONG}"}).token_peppers()
    assert later.newest == 1
    assert later.get(0) == first.token_peppers().get(0)


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(UnsafeEnvironmentError, match=r"PLUMBLINE_PRIVATE_NETWORKS: 10\.0\.0\.1/8"):
        Environment.read({"PLUMBLINE_PRIVATE_NETWORKS": "10.2.0.0/16, 10.0.0.1/8"})
    found = Environment.read({"PLUMBLINE_PRIVATE_NETWORKS": "10.2.0.0/16, fd00::/8"})
    assert [str(each) for each in found.private_networks] == ["10.2.0.0/16", "fd00::/8"]
