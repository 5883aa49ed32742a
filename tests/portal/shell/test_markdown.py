"""Long texts: Markdown that people know, and nothing of a script, whatever they write."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.shell.markdown import plain_text, render_markdown

ALLOWED = {
    *("p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "a"),
    *("h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script href=data:,alert(1) />",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A&#x61vascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/)",
    '[x](http://evil.example/ "onmouseover=\'alert(1)")',
    '[x](<http://e.example/" onmouseover="alert(1)>)',
    '[x"onclick="alert(1)](http://e.example)',
    "![x](https://evil.example/pixel.gif)",
    "![x](javascript:alert(1))",
    "![x][ref]\n\n[ref]: https://evil.example/pixel.gif",
    "[ref]: javascript:alert(1)\n\n[x][ref]",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "<style>@import 'https://evil.example'</style>",
    "<p style='background:url(https://evil.example)'>x</p>",
    "<form action=https://evil.example><button>x</button></form>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<math><mtext></p><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '``` " onload="alert(1)\nx\n```',
    "```<img/src/onerror=alert(1)>\nx\n```",
    "<!-- --><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "</div></section><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u003cscript\u003ealert(1)",
    "# <script>alert(1)</script>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "> > > <script>alert(1)</script>",
    "a\u202ejavascript:alert(1)",
    "{{ 7 * 7 }}{% load shell %}",
]


class Dom(HTMLParser):
    """What a parser makes of HTML: elements with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.others: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def assert_inert(html: str) -> None:
    dom = Dom(html)
    assert dom.others == []
    for tag, attributes in dom.elements:
        assert tag in ALLOWED, html
        if tag == "a":
            assert set(attributes) <= {"href", "rel"}, html
            address = attributes.get("href") or ""
            known = address.lower().startswith(("http://", "https://", "mailto:"))
            own = address.startswith("/") and address[1:2] not in ("/", "\\")
            assert known or own or not address, html
            assert attributes.get("rel") == "noopener nofollow noreferrer", html
        else:
            assert set(attributes) <= {"start"}, html


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_inert(payload: str) -> None:
    assert_inert(render_markdown(payload))
    assert_inert(render_markdown(f"Some words\n\n{payload}\n\nand more"))


@given(st.lists(st.sampled_from(PAYLOADS) | st.text(max_size=40), max_size=4).map("\n".join))
def test_any_mixture_is_inert(text: str) -> None:
    assert_inert(render_markdown(text))


@given(st.text(alphabet="<>\"'`[]()!&;#:/\\ \njavscriptonerrodt=", max_size=120))
def test_any_heap_of_syntax_is_inert(text: str) -> None:
    assert_inert(render_markdown(text))


def test_what_people_know_works() -> None:
    html = render_markdown(
        "It *takes* **an hour**.\nAnd:\n\n* one\n* two\n\n# Title\n\n[wiki](https://w.example/a?b=1)"
    )
    assert "<em>takes</em> <strong>an hour</strong>.<br>" in html
    assert "<li>one</li>" in html
    assert "<h4>Title</h4>" in html
    assert '<a href="https://w.example/a?b=1" rel="noopener nofollow noreferrer">wiki</a>' in html


def test_a_text_without_markup_stays_as_it_was_written() -> None:
    assert render_markdown('5 < 6 & 7 > 6, "so"') == '<p>5 &lt; 6 &amp; 7 &gt; 6, "so"</p>\n'


def test_deep_nesting_and_length_are_bounded() -> None:
    assert_inert(render_markdown("> " * 5_000 + "x"))
    assert_inert(render_markdown("[" * 20_000))
    assert_inert(render_markdown("*a " * 20_000))
    assert len(render_markdown("x" * 200_000)) < 60_000


def test_the_plain_words_are_one_line_and_not_marked_as_safe() -> None:
    words = plain_text("**Half** of `<b>`\n\n* [the](https://w.example) time & more")
    assert words == "Half of <b> the time & more"
    assert not hasattr(words, "__html__")
