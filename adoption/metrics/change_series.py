"""Into which series a change belongs: only `product` counts as a delivery, the rest is shown apart.

Rules are data with a version: changing one is a new version of every metric that rests on it. Signs
of AI assistance are no part of them: an agent's change counts exactly like a person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

VERSION = "1"


class Series(StrEnum):
    """What kind of change it is."""

    PRODUCT = "product"
    BOT = "bot"
    DEPENDENCIES = "dependencies"
    DOCS = "docs"
    CONFIG = "config"
    NO_OP = "no_op"
    REVERT = "revert"


# Programs that raise version numbers or reformat. Coding agents are not among them.
_BOTS = frozenset(
    {
        "dependabot",
        "dependabot-preview",
        "renovate",
        "renovate-bot",
        "greenkeeper",
        "snyk-bot",
        "pyup-bot",
        "pre-commit-ci",
        "allcontributors",
        "imgbot",
        "mergify",
        "semantic-release-bot",
        "github-actions",
        "scala-steward",
        "depfu",
    }
)
_MANIFESTS = frozenset(
    {
        "package-lock.json",
        "package.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "pipfile.lock",
        "pipfile",
        "go.mod",
        "go.sum",
        "cargo.lock",
        "gemfile.lock",
        "gemfile",
        "composer.lock",
        "packages.lock.json",
        "requirements.txt",
        "gradle.lockfile",
    }
)
_DOC_NAMES = re.compile(r"(readme|changelog|changes|license|notice|authors|contributing)(\..*)?")
_DOC_ENDS = (".md", ".rst", ".adoc", ".txt", ".png", ".svg", ".jpg", ".gif")
_DOC_FOLDERS = frozenset({"docs", "doc", "documentation"})
_CONFIG_ENDS = (".yml", ".yaml", ".toml", ".ini", ".cfg", ".properties", ".env", ".editorconfig")
_CONFIG_FOLDERS = frozenset({".github", ".gitlab", ".circleci", ".vscode", ".idea"})
_CONFIG_NAMES = frozenset({".gitignore", ".gitattributes", ".dockerignore", "codeowners"})


def is_bot(names: Iterable[str]) -> bool:
    """Whether one of an author's names is that of such a program."""
    for name in names:
        login = name.lower().partition("@")[0].rpartition("+")[2].strip()
        if login.removesuffix("[bot]").strip() in _BOTS:
            return True
    return False


def _series_of_path(path: str) -> Series:
    *folders, name = path.lower().split("/")
    if name in _MANIFESTS:
        return Series.DEPENDENCIES
    if _DOC_FOLDERS & set(folders) or _DOC_NAMES.fullmatch(name) or name.endswith(_DOC_ENDS):
        return Series.DOCS
    is_config = name in _CONFIG_NAMES or name.endswith(_CONFIG_ENDS)
    return Series.CONFIG if is_config or _CONFIG_FOLDERS & set(folders) else Series.PRODUCT


def series_of(
    *,
    author_names: Iterable[str] = (),
    paths: Sequence[str] | None = None,
    lines: int | None = None,
    is_revert: bool = False,
) -> Series:
    """The series of a change.

    Args:
        paths: that it touches; None when nobody says, which leaves it among `product`.
        lines: added and removed together; None when nobody says.
    """
    if is_revert:
        return Series.REVERT
    if is_bot(author_names):
        return Series.BOT
    if lines == 0 or paths == []:
        return Series.NO_OP
    kinds = {_series_of_path(path) for path in paths or ()}
    if not kinds or Series.PRODUCT in kinds:
        return Series.PRODUCT
    # Of several kinds that do not count, the one that comes nearest to the product names it.
    order = (Series.CONFIG, Series.DEPENDENCIES, Series.DOCS)
    return next(each for each in order if each in kinds)
