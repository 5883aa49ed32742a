"""Setting, using, forgetting and re-encrypting the credential of a connection."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.test import Client
from pydantic import SecretStr

from portal.choices import RejectionPolicy
from portal.credentials.errors import CredentialUnavailableError
from portal.credentials.resolve import credential_of
from portal.env import new_encryption_key
from portal.imports.registry import import_sources
from portal.keys import NumberedSecrets
from portal.models import Connection, StoredCredential, User
from portal.selectors.credentials import credential_facts
from portal.services.connections import update_connection
from portal.services.credentials import CredentialChange, credentials_to_rotate, rotate_credentials
from tests.portal.credentials.conftest import NOW, SECRET, make_forge

pytestmark = pytest.mark.django_db
OTHER = "sk-canary-another-secret-0099"


def change(connection: Connection, admin: User, **given: Any) -> bool:
    secret = SecretStr(given.pop("secret", ""))
    reference, is_cleared = given.pop("reference", ""), given.pop("is_cleared", False)
    return update_connection(
        connection=connection,
        name=connection.name,
        config={**connection.config, **given},
        rejection_policy=RejectionPolicy.QUARANTINE,
        is_active=True,
        at=NOW,
        actor=admin,
        credential=CredentialChange(secret, reference, is_cleared),
    )


def revealed(connection: Connection) -> str:
    return credential_of(connection).get_secret_value()


class TestKeeping:
    @pytest.mark.both_engines
    def test_it_is_encrypted_and_comes_back_for_the_one_who_fetches(
        self, connection: Connection, keys: NumberedSecrets
    ) -> None:
        row = StoredCredential.objects.get()
        assert row.key_number == 2
        assert SECRET not in str(row.__dict__)
        assert (row.last_four, len(row.fingerprint)) == ("7733", 12)
        found = credential_of(connection)
        assert found.get_secret_value() == SECRET
        assert SECRET not in f"{found!r} {found}"

    def test_an_empty_field_leaves_it_as_it_is(self, connection: Connection, admin: User) -> None:
        before = StoredCredential.objects.values().get()
        assert change(connection, admin, group="platform", secret="  ") is False
        assert StoredCredential.objects.values().get() == before

    def test_of_a_short_secret_nothing_is_shown(self, keys: NumberedSecrets, admin: User) -> None:
        make_forge(admin, secret="only-15-letters")
        assert StoredCredential.objects.get().last_four == ""

    def test_a_reference_takes_its_place_and_the_other_way_round(
        self, connection: Connection, admin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CREDENTIAL_FORGE", OTHER)
        change(connection, admin, reference="env:CREDENTIAL_FORGE")
        assert not StoredCredential.objects.exists()
        assert revealed(connection) == OTHER
        change(connection, admin, secret=SECRET)
        assert Connection.objects.get().credentials_ref == ""
        assert revealed(connection) == SECRET

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"secret": "s", "reference": "env:CREDENTIAL_X"}, "one of these"),
            ({"secret": "s", "is_cleared": True}, "one of these"),
            ({"reference": "env:DATABASE_URL"}, "Write env:CREDENTIAL_NAME"),
            ({"secret": "s" * 20_000}, "At most 16384"),
        ],
    )
    def test_what_is_not_as_it_should_be_changes_nothing(
        self, connection: Connection, admin: User, given: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(ValidationError, match=said):
            change(connection, admin, group="other", **given)
        stored = Connection.objects.get()
        assert stored.config["group"] == ""
        assert revealed(stored) == SECRET

    @pytest.mark.both_engines
    def test_the_database_keeps_no_blank(self, connection: Connection) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            StoredCredential.objects.update(ciphertext="")

    def test_a_source_that_needs_none_takes_none(self, admin: User, connection: Connection) -> None:
        Connection.objects.update(source="seats", config={})
        plain = Connection.objects.get()
        with pytest.raises(ValidationError, match="needs no credential"):
            change(plain, admin, secret=OTHER)
        assert credential_facts(plain) is None


class TestForgetting:
    @pytest.mark.parametrize("reference", ["", "env:CREDENTIAL_FORGE"])
    def test_a_changed_address_forgets_it(
        self, connection: Connection, admin: User, reference: str
    ) -> None:
        if reference:
            change(connection, admin, reference=reference)
        assert change(connection, admin, base_url="https://evil.example") is True
        assert not StoredCredential.objects.exists()
        with pytest.raises(CredentialUnavailableError, match="has no credential"):
            credential_of(Connection.objects.get())

    def test_a_new_one_that_comes_with_the_address_is_kept(
        self, connection: Connection, admin: User
    ) -> None:
        assert change(connection, admin, base_url="https://new.example", secret=OTHER) is False
        assert revealed(Connection.objects.get()) == OTHER

    def test_an_address_that_was_changed_beside_the_portal_gets_nothing(
        self, connection: Connection
    ) -> None:
        Connection.objects.update(config={"base_url": "https://evil.example", "group": ""})
        with pytest.raises(CredentialUnavailableError, match="another connection or address"):
            credential_of(Connection.objects.get())

    def test_clearing_forgets_it(self, connection: Connection, admin: User) -> None:
        change(connection, admin, is_cleared=True)
        assert not StoredCredential.objects.exists()


class TestRotating:
    def command(self) -> tuple[int, dict[str, Any]]:
        out = io.StringIO()
        try:
            call_command("rotate_credentials", "--json", stdout=out, stderr=io.StringIO())
        except SystemExit as stop:
            return int(str(stop.code)), json.loads(out.getvalue())
        return 0, json.loads(out.getvalue())

    def newer(self, keys: NumberedSecrets, settings: Any) -> NumberedSecrets:
        made = NumberedSecrets(keys.variable, {**keys.by_number, 3: new_encryption_key()})
        settings.CREDENTIAL_KEYS = made
        return made

    @pytest.mark.both_engines
    def test_everything_is_readable_before_during_and_after(
        self, connection: Connection, admin: User, keys: NumberedSecrets, settings: Any
    ) -> None:
        second = make_forge(admin, "forge-two", OTHER)
        three = self.newer(keys, settings)
        stepwise = rotate_credentials(ids=credentials_to_rotate())
        next(stepwise)
        assert (revealed(connection), revealed(second)) == (SECRET, OTHER)
        assert self.command() == (0, {"key": 3, "rotated": 1, "left": 0, "failed": []})
        settings.CREDENTIAL_KEYS = NumberedSecrets(keys.variable, {3: three.get(3)})
        assert (revealed(connection), revealed(second)) == (SECRET, OTHER)
        assert self.command()[1]["rotated"] == 0

    def test_what_cannot_be_read_stays_as_it_is_and_is_named(
        self, connection: Connection, keys: NumberedSecrets, settings: Any
    ) -> None:
        before = StoredCredential.objects.values().get()
        settings.CREDENTIAL_KEYS = NumberedSecrets(keys.variable, {3: new_encryption_key()})
        code, document = self.command()
        assert (code, document["left"]) == (1, 1)
        assert "encrypted with key 2" in document["failed"][0]["problem"]
        assert StoredCredential.objects.values().get() == before
        settings.CREDENTIAL_KEYS = keys
        assert revealed(connection) == SECRET

    @pytest.mark.both_engines
    def test_one_that_is_set_meanwhile_is_not_overwritten(
        self, connection: Connection, admin: User, keys: NumberedSecrets, settings: Any
    ) -> None:
        self.newer(keys, settings)
        ids = credentials_to_rotate()
        change(connection, admin, secret=OTHER)
        assert list(rotate_credentials(ids=ids)) == []
        assert revealed(connection) == OTHER

    def test_a_deployment_without_keys_is_told_so(self, settings: Any, db: None) -> None:
        settings.CREDENTIAL_KEYS = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS")
        with pytest.raises(Exception, match="nothing is stored encrypted"):
            self.command()


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_rotation_under_load_loses_nothing(
    connection: Connection, admin: User, keys: NumberedSecrets, settings: Any
) -> None:
    """One thread sets new secrets, two rotate to a newer key: the last one that was set wins."""
    others = [make_forge(admin, f"forge-{number}", f"{SECRET}-{number}") for number in range(6)]
    settings.CREDENTIAL_KEYS = NumberedSecrets(
        keys.variable, {**keys.by_number, 3: new_encryption_key()}
    )
    faults: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            faults.append(error)
        finally:
            database.close()

    def set_again() -> None:
        for turn in range(10):
            change(Connection.objects.get(pk=connection.pk), admin, secret=f"{OTHER}-{turn}")

    def rotate() -> None:
        for _ in range(3):
            list(rotate_credentials(ids=credentials_to_rotate()))

    threads = [
        threading.Thread(target=guarded, args=(each,)) for each in (set_again, rotate, rotate)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert revealed(connection) == f"{OTHER}-9"
    assert [revealed(each) for each in others] == [f"{SECRET}-{number}" for number in range(6)]
    assert set(StoredCredential.objects.values_list("key_number", flat=True)) == {3}


class TestPages:
    @pytest.fixture
    def client(self, admin: User) -> Client:
        signed_in = Client()
        signed_in.force_login(admin)
        return signed_in

    form = {
        "name": "Our forge",
        "slug": "our-forge",
        "rejection_policy": "quarantine",
        "config_base_url": "https://forge.example",
        "config_group": "",
    }

    def test_it_is_written_on_the_form_and_shown_nowhere(
        self, client: Client, keys: NumberedSecrets
    ) -> None:
        asked = client.get("/imports/connections/new/?source=forge").content.decode()
        assert 'type="password" name="credential_secret"' in asked
        made = client.post(
            "/imports/connections/new/?source=forge", {**self.form, "credential_secret": SECRET}
        )
        assert made.status_code == 302
        for path in ("", "edit/"):
            shown = client.get(f"/imports/connections/our-forge/{path}").content.decode()
            assert SECRET not in shown
        facts = client.get("/imports/connections/our-forge/").content.decode()
        assert "7733" in facts
        assert StoredCredential.objects.get().fingerprint in facts
        assert revealed(Connection.objects.get()) == SECRET

    def test_a_form_that_comes_back_does_not_bring_the_secret(
        self, client: Client, keys: NumberedSecrets
    ) -> None:
        given = {**self.form, "slug": "no good", "credential_secret": SECRET}
        response = client.post("/imports/connections/new/?source=forge", given)
        assert response.status_code == 200
        assert SECRET not in response.content.decode()
        wrong = {**self.form, "credential_ref": "env:DATABASE_URL"}
        response = client.post("/imports/connections/new/?source=forge", wrong)
        assert "Write env:CREDENTIAL_NAME" in response.content.decode()
        assert not Connection.objects.exists()

    def test_a_changed_address_is_answered_with_a_warning(
        self, client: Client, connection: Connection
    ) -> None:
        given = {**self.form, "config_base_url": "https://elsewhere.example", "is_active": "on"}
        response = client.post("/imports/connections/forge-one/edit/", given, follow=True)
        text = response.content.decode()
        assert "the credential was forgotten" in text
        assert "none given, so nothing can be fetched" in text

    def test_a_source_without_need_has_no_such_field(self, client: Client) -> None:
        page = client.get("/imports/connections/new/?source=seats").content.decode()
        assert "credential_" not in page


def test_a_source_that_names_an_address_it_has_not_is_found_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import replace

    forge = import_sources.get("forge")
    assert forge.credential is not None
    broken = replace(forge, credential=replace(forge.credential, address_fields=("host",)))
    monkeypatch.setattr(import_sources, "_items", {"forge": broken})
    assert [problem.id for problem in import_sources.problems()] == ["portal.E104"]
