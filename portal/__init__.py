"""The frame: settings, sign-in, imports engine, site shell, API frame."""

import gc

# A start loads three thousand modules, and what they make stays until the end. The collector looked
# for garbage in it again and again, which took a fifth of every start and went on afterwards.
gc.set_threshold(50_000, 10, 10)

from portal.celery import app as celery_app  # noqa: E402  (the above is for what this loads)

__all__ = ["celery_app"]
