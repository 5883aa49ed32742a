"""Which files are handed out first."""

from __future__ import annotations

from tests.plugins.spreading import longest_first


def test_long_files_come_first_and_short_ones_keep_their_order() -> None:
    files = ["b.py", "a.py", "long.py", *["many.py"] * 30, "known.py"]
    key = longest_first(files, {"long.py": 90.0, "known.py": 12.5, "gone.py": 400.0})
    ordered = sorted(dict.fromkeys(files), key=key)
    assert ordered == ["long.py", "known.py", "many.py", "b.py", "a.py"]
