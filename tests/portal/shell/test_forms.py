"""Forms: every control is tied to its label, its help and its errors."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.portal.shell.gallery.pages import GalleryForm


class Reader(HTMLParser):
    """Collects ids, labels and controls."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if identifier := found.get("id"):
            self.ids.append(identifier)
        if tag == "label" and (target := found.get("for")):
            self.labelled.add(target)
        if tag in {"input", "select", "textarea", "fieldset"}:
            self.controls[found.get("id") or found.get("name") or str(len(self.controls))] = found


@pytest.fixture
def reader() -> Reader:
    form = GalleryForm({"stage": "pilot"})
    form.add_error(None, "Two fields contradict each other.")
    return Reader(str(form))


def test_every_description_that_is_named_exists_once(reader: Reader) -> None:
    named = {
        identifier
        for control in reader.controls.values()
        for identifier in (control.get("aria-describedby") or "").split()
    }
    assert named
    assert named <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_every_control_has_a_label(reader: Reader) -> None:
    controls = {key for key, found in reader.controls.items() if found.get("id")}
    assert controls - reader.labelled == set()


def test_a_field_with_an_error_says_so_to_everybody(reader: Reader) -> None:
    title = reader.controls["id_title"]
    assert title["aria-invalid"] == "true"
    assert "is-invalid" in str(title["class"])
    assert str(title["aria-describedby"]).split() == ["id_title_helptext", "id_title_error"]


def test_controls_get_the_class_of_their_kind(reader: Reader) -> None:
    assert reader.controls["id_stage"]["class"] == "form-select"
    assert reader.controls["id_summary"]["class"] == "form-control"
    assert "form-check-input" in str(reader.controls["id_agrees"]["class"])


def test_the_errors_of_the_whole_form_come_first_and_optional_fields_say_so() -> None:
    form = GalleryForm({"stage": "pilot"})
    form.add_error(None, "Two fields contradict each other.")
    html = str(form)
    assert html.index("contradict") < html.index("id_title")
    assert html.count(">optional<") == 2
