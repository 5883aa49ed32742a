#!/usr/bin/env python3
"""Django's command line, in the environment that `quickstart.py` sets up."""

from __future__ import annotations

import gc
import getpass
import os
import sys


def operator() -> str:
    """The operating system's account, for the audit; in a container it may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    from portal.audit.context import Channel, acting

    try:
        with acting(channel=Channel.COMMAND, name=operator()):
            execute_from_command_line(sys.argv)
    finally:
        # The process is over: searching all of Django for cycles first would take it a second.
        # DuckDB wants that search: without it, it tells of its own types as leaked.
        if "duckdb" not in sys.modules:
            gc.freeze()


if __name__ == "__main__":
    main()
