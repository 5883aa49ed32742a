"""What a pasted link names, whatever tab was open when it was copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.links import Link, read_link, title_of

PULL = "https://github.com/acme/shop/pull/12"
MERGE = "https://gitlab.acme.example/a/b/shop/-/merge_requests/3"


@pytest.mark.parametrize(
    "text",
    [PULL, f"{PULL}/", f"{PULL}/files#diff-1", f"{PULL}/commits?w=1", f"  {PULL} ",
     "github.com/acme/shop/pull/12", "https://GitHub.com/acme/shop/pull/12"],
)  # fmt: skip
def test_every_tab_of_a_pull_request_is_that_pull_request(text: str) -> None:
    assert read_link(text) == Link("request", PULL, repository="github.com/acme/shop", number="12")


def test_requests_of_other_providers() -> None:
    assert read_link(f"{MERGE}/diffs").address == MERGE
    assert read_link(MERGE).repository == "gitlab.acme.example/a/b/shop"
    assert read_link("https://bitbucket.org/acme/shop/pull-requests/7/diff").number == "7"
    azure = read_link("https://dev.azure.com/acme/p/_git/shop/pullrequest/44")
    assert (azure.kind, azure.number) == ("request", "44")


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        ("https://acme.atlassian.net/browse/BILL-42?focusedId=1", "BILL-42"),
        ("https://linear.app/acme/issue/ops-7/slow-search", "OPS-7"),
        ("https://github.com/acme/shop/issues/5#issuecomment-1", "shop#5"),
        ("https://gitlab.acme.example/acme/shop/-/issues/9", "shop#9"),
    ],
)
def test_tickets(text: str, ticket: str) -> None:
    found = read_link(text)
    assert (found.kind, found.ticket) == ("ticket", ticket)
    assert title_of(found) == ticket


def test_commits_and_everything_else() -> None:
    found = read_link(f"https://git.example/a/-/commit/{'AB' * 20}?x=1#y")
    assert (found.kind, found.sha, found.repository) == ("commit", "ab" * 20, "git.example/a")
    for text in ("https://wiki.example/reply-guide.html", "https://x.example/pull/", "http://[bad"):
        assert read_link(text).kind == "other"
        assert read_link(text).address == text
    assert title_of(read_link("https://wiki.example/a/reply-guide_v2.html")) == "Reply guide v2"
    assert title_of(read_link("https://docs.example/d/1234567/")) == ""


@given(st.text(max_size=80))
def test_whatever_is_pasted_is_read_without_a_fault_and_reads_the_same_again(text: str) -> None:
    found = read_link(text)
    title_of(found)
    if found.kind == "request":
        assert read_link(found.address) == found
