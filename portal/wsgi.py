"""WSGI entry point."""

from __future__ import annotations

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

# Every page is loaded before workers are forked; what is loaded stays for good. The collector need
# not walk through it again while somebody waits for a page, and forked workers keep sharing it.
import_module("portal.urls")
gc.collect()
gc.freeze()
