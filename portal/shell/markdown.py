"""Long texts of people as HTML: a small Markdown, rendered and then held against an allow-list.

HTML inside the text is shown as text. There are no images, because loading one tells another server
who reads what. What rendering lets through, the allow-list of nh3 takes away all the same: either
of the two alone would be enough.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

import nh3
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

LONGEST = 50_000  # characters; no field of ours holds more
_TAGS = {
    *("p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "a"),
    *("h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_SCHEMES = {"http", "https", "mailto"}
_ADDRESS = re.compile(r"https?://|mailto:|/(?![/\\])", re.IGNORECASE)
# Below the headings of the page that shows the text.
_HEADINGS = {"h1": "h4", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6"}

_renderer = (
    # `breaks`: a line end is one, as people who never heard of Markdown expect.
    MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    .enable(["table", "strikethrough"])
    .disable("image")
)


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """nh3 lets `title` pass everywhere, and any relative address, `//another.site` too."""
    if attribute == "href":
        return value if _ADDRESS.match(value) else None
    return value if (tag, attribute) in {("ol", "start"), ("a", "rel")} else None


@lru_cache(maxsize=1024)
def render_markdown(text: str) -> SafeString:
    """`text` as HTML that can hold no script, no image and no foreign style."""
    tokens = _renderer.parse(text[:LONGEST])
    for token in tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)
    html = _renderer.renderer.render(tokens, _renderer.options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow noreferrer",
        strip_comments=True,
    )
    return SafeString(clean)


def plain_text(text: str) -> str:
    """The words of a Markdown text on one line, for a lead or a tooltip; not marked as safe."""
    return " ".join(unescape(strip_tags(render_markdown(text))).split())
