"""A handful of small line icons, drawn here, for statuses and navigation.

They only ever stand beside words: each is hidden from screen readers.
"""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_PATHS = {
    "check": "M3 8.5 6.5 12 13 4.5",
    "dot": "M8 5.5a2.5 2.5 0 1 0 .01 0z",
    "ring": "M8 3a5 5 0 1 0 .01 0z",
    "half": "M8 3a5 5 0 1 0 .01 0zM8 3v10",
    "clock": "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 5v3.2l2.2 1.6",
    "tilde": "M2.5 9.5c1.8-4 3.7-4 5.5-1.5s3.7 2.5 5.5-1.5",
    "redo": "M12.5 5.5A5 5 0 1 0 13 9M12.8 2.5v3.2H9.6",
    "warn": "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.2",
    "cross": "M4 4l8 8M12 4l-8 8",
    "stop": "M5.5 2.5h5L13.5 5.5v5l-3 3h-5l-3-3v-5z",
    "pause": "M5.5 3.5v9M10.5 3.5v9",
    "arrow": "M3 8h9.5M9 4.5 12.5 8 9 11.5",
    "home": "M2.5 7.5 8 3l5.5 4.5V13h-11zM6.5 13V9.5h3V13",
    "list": "M3 4.5h10M3 8h10M3 11.5h10",
    "target": "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 5.5a2.5 2.5 0 1 0 .01 0z",
    "coins": (
        "M8 3c3 0 5 .9 5 2s-2 2-5 2-5-.9-5-2 2-2 5-2zM3 5v6c0 1.1 2 2 5 2s5-.9 5-2V5M3 8c0"
        " 1.1 2 2 5 2s5-.9 5-2"
    ),
    "inbox": "M2.5 9.5 4.5 3h7l2 6.5V13h-11zM2.5 9.5H6l1 1.5h2l1-1.5h3.5",
    "import": "M8 2.5v7M5 6.8 8 9.8l3-3M2.5 12.5h11",
    "export": "M8 9.8V2.5M5 5.5l3-3 3 3M2.5 12.5h11",
    "gauge": "M2.5 11.5a5.5 5.5 0 1 1 11 0M8 11.5 11 7",
    "shield": "M8 2.5 13 4.5V8c0 3-2 4.8-5 5.8C5 12.8 3 11 3 8V4.5z",
    "people": (
        "M6 8a2.3 2.3 0 1 0-.01 0zM2 13.5c0-2.5 1.8-4 4-4s4 1.5 4 4M10.5 3.8a2.2 2.2 0 0 1 0"
        " 4.2M12 9.8c1.3.6 2 1.9 2 3.7"
    ),
    "book": "M3 3.5c2-.8 3.5-.5 5 .5 1.5-1 3-1.3 5-.5v9c-2-.8-3.5-.5-5 .5-1.5-1-3-1.3-5-.5zM8 4v9",
    "link": (
        "M6.8 9.2a2.4 2.4 0 0 0 3.4 0l2-2a2.4 2.4 0 0 0-3.4-3.4l-.8.8M9.2 6.8a2.4 2.4 0 0"
        " 0-3.4 0l-2 2a2.4 2.4 0 0 0 3.4 3.4l.8-.8"
    ),
    "search": "M7 3a4 4 0 1 0 .01 0zM10 10l3.5 3.5",
    "user": "M8 8a2.8 2.8 0 1 0-.01 0zM3 13.5c0-3 2.2-4.5 5-4.5s5 1.5 5 4.5",
    "menu": "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
    "info": "M8 2.5a5.5 5.5 0 1 0 .01 0zM8 7.5v3.3M8 5.2v.2",
}
ICON_NAMES = frozenset(_PATHS)
_RENDERED: dict[str, SafeString] = {
    name: format_html(
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>',
        path,
    )
    for name, path in _PATHS.items()
}
_NOTHING = mark_safe("")  # noqa: S308  (an empty constant)


def icon(name: str) -> SafeString:
    """The icon as inline SVG; nothing for an empty name.

    Raises:
        KeyError: there is no such icon (`ICON_NAMES` lists them).
    """
    return _RENDERED[name] if name else _NOTHING
