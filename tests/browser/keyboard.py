"""A person at a keyboard: goes where Tab leads, types, presses keys. No pointer, no jumps."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError

MOST_TABS = 150
# Nothing has the focus yet, and the way to the element leads past the whole menu.
BEHIND_THE_MENU = """(element) => document.activeElement === document.body
  && element.closest("main") !== null"""
ON_SKIP_LINK = "() => document.activeElement.matches('.skip-link')"


class Keyboard:
    """What one does on a page with the keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(10_000)

    def go_to(self, target: Locator) -> None:
        """Press Tab until the element has the focus; fails when Tab never leads there."""
        target.wait_for()
        if target.evaluate(BEHIND_THE_MENU):
            self._skip_the_menu()
        for _ in range(MOST_TABS):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def _skip_the_menu(self) -> None:
        """Take the link for it, which is the first thing that Tab leads to on a fresh page."""
        self.page.keyboard.press("Tab")
        if self.page.evaluate(ON_SKIP_LINK):
            self.page.keyboard.press("Enter")

    def follow(self, name: str, *, within: Locator | None = None, exact: bool = True) -> None:
        """Open a link."""
        self.go_to((within or self.page).get_by_role("link", name=name, exact=exact).first)
        self.page.keyboard.press("Enter")

    def press(self, name: str) -> None:
        """Press a button."""
        self.go_to(self.page.get_by_role("button", name=name, exact=True))
        self.page.keyboard.press("Enter")

    def choose_file(self, label: str, path: Path) -> None:
        """Open the file control with the space bar and choose; press again when nothing opened."""
        self.go_to(self._field(label))
        for last in (False, False, True):
            try:
                with self.page.expect_file_chooser(timeout=5_000) as chooser:
                    self.page.keyboard.press("Space")
            except TimeoutError:
                if last:
                    raise
            else:
                chooser.value.set_files(path)
                return

    def _field(self, label: str) -> Locator:
        """The field with this label, required or not."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}(\s+optional)?$")).first

    def fill(self, label: str, text: str) -> None:
        """Type into a field in place of what is there."""
        self.go_to(self._field(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from a list by typing what the option starts with."""
        field = self._field(label)
        self.go_to(field)
        self.page.keyboard.type(option)
        chosen = field.evaluate("(element) => element.selectedOptions[0].label")
        assert option in chosen, f"{label}: {chosen}"

    def pick(self, name: str, *, within: str = "main") -> None:
        """Choose one of a group of radio buttons: Tab to the group, then the arrow keys."""
        target = self.page.locator(within).get_by_role("radio", name=name)
        target.wait_for()
        group = target.get_attribute("name")
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self._focused_group() == group:
                break
        for _ in range(self.page.locator(f"input[type=radio][name='{group}']").count()):
            if target.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Space")
        assert target.is_checked(), f"the arrow keys do not lead to {name}"

    def _focused_group(self) -> str:
        script = "() => document.activeElement.type === 'radio' ? document.activeElement.name : ''"
        return str(self.page.evaluate(script))

    def fill_day(self, label: str, day: date) -> None:
        """Type a day into the browser's own control, part by part."""
        self.go_to(self._field(label))
        self.page.keyboard.type(f"{day:%m%d%Y}")  # the browser of the tests speaks American
        assert self._field(label).input_value() == day.isoformat()
