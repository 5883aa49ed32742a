"""Makes a database as the releases before the squashed migrations did, one migration at a time.

Started as `python -m tests.reliability.november`, with the database in `DATABASE_URL`. It knows
the migrations that a squashed one replaces, and nothing that came after them.
"""

from __future__ import annotations

import django
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

ROOMS = ("portal", "adoption", "billing")


def main() -> None:
    django.setup()
    load = MigrationLoader.load_disk

    def load_those_of_then(loader: MigrationLoader) -> None:
        load(loader)
        disk = loader.disk_migrations
        replaced = {key for migration in disk.values() for key in migration.replaces}
        for key in list(disk):
            if key[0] in ROOMS and key not in replaced:
                del disk[key]

    MigrationLoader.load_disk = load_those_of_then  # type: ignore[method-assign, assignment]
    call_command("migrate", interactive=False, verbosity=0)


if __name__ == "__main__":
    main()
