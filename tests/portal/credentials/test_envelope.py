"""Encryption with numbered keys, for one connection at one address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.credentials.envelope import Purpose, seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.env import new_encryption_key
from portal.keys import NumberedSecrets

KEYS = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {3: new_encryption_key()})
HERE = Purpose(7, {"base_url": "https://forge.example"})
SECRET = "sk-canary-5b1fe0c2d94a7733"


@given(st.text(min_size=1, max_size=300))
def test_what_was_sealed_comes_back_exactly(secret: str) -> None:
    sealed = seal(secret, HERE, KEYS)
    assert sealed.key_number == 3
    assert unseal(3, sealed.ciphertext, HERE, KEYS) == secret


def test_nothing_of_it_can_be_read_in_what_is_stored() -> None:
    one, two = seal(SECRET, HERE, KEYS), seal(SECRET, HERE, KEYS)
    assert SECRET not in one.ciphertext
    assert one.ciphertext != two.ciphertext
    assert one.fingerprint == two.fingerprint != seal(SECRET + "x", HERE, KEYS).fingerprint


@pytest.mark.parametrize(
    "elsewhere", [replace(HERE, connection_id=8), Purpose(7, {"base_url": "https://evil.example"})]
)
def test_a_row_that_is_moved_or_redirected_opens_nothing(elsewhere: Purpose) -> None:
    sealed = seal(SECRET, HERE, KEYS)
    with pytest.raises(CredentialUnavailableError, match="another connection or address"):
        unseal(3, sealed.ciphertext, elsewhere, KEYS)


def test_a_missing_and_a_wrong_key_are_told_apart_and_named_by_number() -> None:
    sealed = seal(SECRET, HERE, KEYS)
    missing = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {4: new_encryption_key()})
    with pytest.raises(CredentialUnavailableError, match=r"key 3, and .* no number 3 \(it has: 4"):
        unseal(3, sealed.ciphertext, HERE, missing)
    wrong = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {3: new_encryption_key()})
    with pytest.raises(CredentialUnavailableError, match="key 3 of .* is not the key") as caught:
        unseal(3, sealed.ciphertext, HERE, wrong)
    assert wrong.get(3) not in str(caught.value)
    changed = sealed.ciphertext[:-4] + "AAA="
    with pytest.raises(CredentialUnavailableError, match="stored text was changed"):
        unseal(3, changed, HERE, KEYS)


def test_without_a_key_nothing_is_stored() -> None:
    with pytest.raises(CredentialUnavailableError, match="stores no credentials"):
        seal(SECRET, HERE, NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS"))
