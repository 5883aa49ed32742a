"""Making, recognising, rotating and revoking tokens."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from portal.keys import NumberedSecrets
from portal.models import ApiToken, ApiTokenUse, User
from portal.services.api_tokens import (
    Refusal,
    TokenNotActiveError,
    TokenRefusedError,
    create_api_token,
    recognise_api_token,
    revoke_all_api_tokens,
    revoke_api_token,
    rotate_api_token,
)
from portal.token_text import ALPHABET, TOKEN, new_token_text, prefix_of, token_hash
from tests.api_tokens import make_token

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOME = ip_address("192.0.2.7")

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def recognise(text: str, *, at: datetime = NOW, address: Any = HOME) -> ApiToken:
    return recognise_api_token(text=text, address=address, at=at)


def refusal(text: str, **circumstances: Any) -> Refusal:
    with pytest.raises(TokenRefusedError) as caught:
        recognise(text, **circumstances)
    return caught.value.why


class TestText:
    def test_a_token_has_a_type_a_prefix_190_bits_and_a_checksum(self) -> None:
        made = {new_token_text() for _ in range(200)}
        assert len(made) == 200
        assert all(TOKEN.fullmatch(text) and prefix_of(text) for text in made)
        assert 32 * (len(ALPHABET).bit_length() - 1) >= 128

    @given(st.integers(4, 58), st.sampled_from(ALPHABET))
    def test_a_changed_character_is_noticed_without_looking_anything_up(
        self, place: int, character: str
    ) -> None:
        text = "plb_0123456789_" + "s" * 32
        text += prefix_and_check(text)
        place = min(place, len(text) - 1)
        changed = text[:place] + character + text[place + 1 :]
        assert bool(prefix_of(changed)) == (changed == text)

    @pytest.mark.parametrize(
        "text",
        ["", "plb_", "plb_é", "x" * 53, new_token_text() + "\n"],
        ids=["empty", "type", "letter", "none", "line"],  # the same in every process
    )
    def test_another_text_is_no_token(self, text: str) -> None:
        assert prefix_of(text) == ""


def prefix_and_check(text: str) -> str:
    """The checksum that belongs to `text`, found by the module's own maker."""
    from portal.token_text import _with_check

    return _with_check(text)[len(text) :]


class TestMaking:
    def test_neither_the_token_nor_its_secret_is_stored(self, ada: User) -> None:
        token, text = make_token(ada, at=NOW)
        stored = ApiToken.objects.values().get()
        assert not any(text[15:] in str(value) for value in stored.values())
        assert re.fullmatch(r"[0-9a-f]{64}", stored["secret_hash"])
        assert stored["secret_hash"] != token_hash(text, "")
        assert token.prefix in text

    @pytest.mark.parametrize(
        ("changes", "field", "said"),
        [
            ({"name": " "}, "name", "what it is for"),
            ({"name": "n" * 81}, "name", "1 to 80"),
            ({"scopes": []}, "scopes", "at least one"),
            ({"scopes": ["registry:read", "world:write"]}, "scopes", "no scope world:write"),
            ({"expires_at": NOW}, "expires_at", "1 to 366 days"),
            ({"expires_at": NOW + 367 * DAY}, "expires_at", "1 to 366 days"),
            ({"networks": ["10.0.0.1/8"]}, "networks", "10.0.0.1/8 is no network"),
            ({"networks": [f"10.0.{i}.0/24" for i in range(51)]}, "networks", "At most 50"),
        ],
    )
    def test_terms_that_are_out_of_bounds_are_refused(
        self, ada: User, changes: dict[str, Any], field: str, said: str
    ) -> None:
        terms = {"name": "Report", "scopes": ["registry:read"], "expires_at": NOW + DAY} | changes
        with pytest.raises(ValidationError) as caught:
            create_api_token(owner=ada, actor=ada, at=NOW, **terms)  # type: ignore[arg-type]
        assert said in " ".join(caught.value.message_dict[field])
        assert not ApiToken.objects.exists()

    def test_a_form_that_is_sent_twice_makes_one(self, ada: User) -> None:
        first, _ = make_token(ada, at=NOW)
        with pytest.raises(ValidationError, match="a token called Nightly report already"):
            make_token(ada, at=NOW)
        revoke_api_token(token_id=first.pk, reason="Lost", actor=ada, at=NOW)
        make_token(ada, at=NOW)

    def test_a_deactivated_person_gets_none(self, ada: User) -> None:
        ada.is_active = False
        with pytest.raises(ValidationError, match="deactivated"):
            make_token(ada, at=NOW)

    def test_the_database_refuses_one_that_never_lived_or_was_revoked_without_a_reason(
        self, ada: User
    ) -> None:
        token, _ = make_token(ada, at=NOW)
        rows = ApiToken.objects.filter(pk=token.pk)
        for change in ({"expires_at": NOW}, {"revoked_at": NOW}, {"revoked_reason": "why"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                rows.update(**change)


class TestRecognising:
    def test_its_owner_comes_with_it(self, ada: User, django_assert_num_queries: Any) -> None:
        token, text = make_token(ada, at=NOW)
        recognise(text)
        with django_assert_num_queries(1):
            found = recognise(text)
            assert found.owner == ada
        assert found == token

    def test_each_reason_is_told_apart_for_who_has_the_whole_token(self, ada: User) -> None:
        token, text = make_token(ada, days=10, networks=["192.0.2.0/28", "2001:db8::/32"], at=NOW)
        assert recognise(text, at=NOW + 10 * DAY - timedelta(seconds=1)) == token
        assert recognise(text, address=ip_address("2001:db8::5")) == token
        assert refusal(text, at=NOW + 10 * DAY) is Refusal.EXPIRED
        assert refusal(text, address=ip_address("192.0.2.16")) is Refusal.NETWORK
        assert refusal(text, address=None) is Refusal.NETWORK
        User.objects.filter(pk=ada.pk).update(is_active=False)
        assert refusal(text) is Refusal.OWNER
        revoke_api_token(token_id=token.pk, reason="Lost", actor=ada, at=NOW)
        assert refusal(text) is Refusal.REVOKED

    def test_a_wrong_secret_hides_whether_its_prefix_exists(self, ada: User) -> None:
        token, _ = make_token(ada, at=NOW)
        revoke_api_token(token_id=token.pk, reason="Lost", actor=ada, at=NOW)
        start = f"plb_{token.prefix}_{'0' * 32}"
        assert refusal(start + prefix_and_check(start)) is Refusal.UNKNOWN
        assert refusal(new_token_text()) is Refusal.UNKNOWN
        assert refusal("plb_nonsense") is Refusal.UNKNOWN

    def test_use_is_written_at_most_once_a_minute_and_names_a_network(self, ada: User) -> None:
        _, text = make_token(ada, at=NOW)
        seen = []
        for seconds, network in ((0, "192.0.2.7"), (59, "198.51.100.1"), (61, "2001:db8::1")):
            recognise(text, at=NOW + timedelta(seconds=seconds), address=ip_address(network))
            seen.append(ApiTokenUse.objects.values_list("last_used_at", "last_network").get())
        assert seen[0] == seen[1] == (NOW, "192.0.2.0/24")
        assert seen[2] == (NOW + timedelta(seconds=61), "2001:db8::/64")

    def test_peppers_rotate_without_a_new_token(self, ada: User, settings: Any) -> None:
        _, text = make_token(ada, at=NOW)
        old: NumberedSecrets = settings.TOKEN_PEPPERS
        both = replace(old, by_number={**old.by_number, old.newest + 1: "n" * 50})
        settings.TOKEN_PEPPERS = both
        assert recognise(text).owner == ada
        assert ApiToken.objects.get().pepper == both.newest
        settings.TOKEN_PEPPERS = replace(old, by_number={both.newest: "n" * 50})
        assert recognise(text).owner == ada

    def test_a_pepper_that_is_gone_is_said_in_the_log_and_lets_nobody_in(
        self, ada: User, settings: Any, capsys: Any
    ) -> None:
        _, text = make_token(ada, at=NOW)
        settings.TOKEN_PEPPERS = NumberedSecrets("PLUMBLINE_TOKEN_PEPPERS", {9: "n" * 50})
        assert refusal(text) is Refusal.UNKNOWN
        settings.TOKEN_PEPPERS = NumberedSecrets("PLUMBLINE_TOKEN_PEPPERS", {0: "n" * 50})
        assert refusal(text) is Refusal.UNKNOWN


class TestRotating:
    def test_both_are_valid_for_the_overlap_and_then_one(self, ada: User) -> None:
        old, old_text = make_token(ada, "registry:read", networks=["192.0.2.0/24"], at=NOW)
        new, new_text = rotate_api_token(
            token_id=old.pk, overlap=2 * DAY, expires_at=NOW + 90 * DAY, actor=ada, at=NOW
        )
        assert (new.name, new.scopes, new.networks) == (old.name, old.scopes, old.networks)
        for text in (old_text, new_text):
            assert recognise(text, at=NOW + DAY).owner == ada
        assert refusal(old_text, at=NOW + 2 * DAY) is Refusal.EXPIRED
        assert recognise(new_text, at=NOW + 89 * DAY) == new
        assert ApiToken.objects.get(pk=old.pk).replaced_by == new

    def test_an_overlap_never_makes_a_life_longer(self, ada: User) -> None:
        old, text = make_token(ada, days=1, at=NOW)
        rotate_api_token(
            token_id=old.pk, overlap=9 * DAY, expires_at=NOW + 9 * DAY, actor=ada, at=NOW
        )
        assert refusal(text, at=NOW + DAY) is Refusal.EXPIRED

    def test_a_token_is_rotated_once_and_while_it_is_active(self, ada: User) -> None:
        old, _ = make_token(ada, at=NOW)
        terms: dict[str, Any] = {"overlap": DAY, "expires_at": NOW + DAY, "actor": ada, "at": NOW}
        new, _ = rotate_api_token(token_id=old.pk, **terms)
        with pytest.raises(TokenNotActiveError, match="is replaced"):
            rotate_api_token(token_id=old.pk, **terms)
        revoke_api_token(token_id=new.pk, reason="Lost", actor=ada, at=NOW)
        with pytest.raises(TokenNotActiveError, match="is revoked"):
            rotate_api_token(token_id=new.pk, **terms)

    @pytest.mark.parametrize(
        "changes", [{"overlap": 31 * DAY}, {"overlap": -DAY}, {"expires_at": NOW + 400 * DAY}]
    )
    def test_out_of_bounds_changes_nothing(self, ada: User, changes: dict[str, Any]) -> None:
        old, _ = make_token(ada, at=NOW)
        terms: dict[str, Any] = {"overlap": DAY, "expires_at": NOW + DAY} | changes
        with pytest.raises(ValidationError):
            rotate_api_token(token_id=old.pk, actor=ada, at=NOW, **terms)
        assert ApiToken.objects.count() == 1


class TestRevoking:
    def test_it_needs_a_reason_and_happens_once(self, ada: User) -> None:
        token, _ = make_token(ada, at=NOW)
        with pytest.raises(ValidationError, match="Say why"):
            revoke_api_token(token_id=token.pk, reason=" ", actor=ada, at=NOW)
        revoke_api_token(token_id=token.pk, reason="Lost", actor=ada, at=NOW)
        later = revoke_api_token(token_id=token.pk, reason="Again", actor=None, at=NOW + DAY)
        assert (later.revoked_at, later.revoked_by, later.revoked_reason) == (NOW, ada, "Lost")

    def test_who_leaves_loses_all_of_them_at_once(self, ada: User) -> None:
        texts = [make_token(ada, name=name, at=NOW)[1] for name in ("one", "two", "three")]
        assert revoke_all_api_tokens(owner=ada, reason="Left", actor=None, at=NOW) == 3
        assert {refusal(text) for text in texts} == {Refusal.REVOKED}
        assert revoke_all_api_tokens(owner=ada, reason="Left", actor=None, at=NOW) == 0
