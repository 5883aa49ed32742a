"""How local passwords are stored."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id: costly in memory, so that graphics cards do not help who stole the table.

    46 MiB, two passes and one lane, above the minimum of the OWASP password storage sheet. Django's
    own 100 MiB and eight lanes would let a handful of sign-ins at once exhaust a small container.
    """

    time_cost = 2
    memory_cost = 46 * 1024
    parallelism = 1
