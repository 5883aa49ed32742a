"""Digests stand in the database: they are UUIDs like any other, and the same for ever."""

from __future__ import annotations

import copy
from hashlib import blake2b
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.sources.digests import digest_of, digest_of_joined

TEXTS = st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1, max_size=6)


@given(TEXTS)
def test_a_digest_is_a_uuid_like_any_other(parts: list[str]) -> None:
    text = "\0".join(parts)
    plain = UUID(bytes=blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    for made in (digest_of(*parts), digest_of_joined(text)):
        assert (made, hash(made), made.hex, made.bytes, made.is_safe) == (
            plain,
            hash(plain),
            plain.hex,
            plain.bytes,
            plain.is_safe,
        )
        assert copy.deepcopy(made) == plain == UUID(str(made))


def test_a_nul_in_a_text_moves_no_border_between_texts() -> None:
    assert digest_of("a\0", "b") == digest_of("a", "b") != digest_of("a", "\0", "b")
