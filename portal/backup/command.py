"""What the commands `backup` and `restore` share: progress, sentences, JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from portal.backup.making import OnProgress
from portal.backup.manifest import Manifest
from portal.shell.money import nano_text


@contextmanager
def progress(*, quiet: bool) -> Iterator[OnProgress]:
    """A bar on a terminal; nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty()
    with tqdm(unit="B", unit_scale=True, file=sys.stderr, disable=hidden) as bar:

        def show(phase: str, done: int, total: int) -> None:
            bar.set_description(phase)
            bar.total = total or None
            bar.update(done - bar.n)

        yield show


def figures(manifest: Manifest) -> dict[str, Any]:
    """What is compared, for people and scripts: money as exact decimal text by table and column."""
    return {
        "made_at": manifest.made_at.isoformat(),
        "engine": manifest.engine,
        "version": manifest.code_version,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "files": sum(name.startswith("landing/") for name in manifest.files),
        "missing_files": len(manifest.missing_files),
        "sums": {
            name: {
                column: {currency: nano_text(int(one.nano)) for currency, one in found.items()}
                for column, found in table.sums.items()
            }
            for name, table in manifest.tables.items()
            if table.sums
        },
        "audit_head": manifest.audit_head,
    }
