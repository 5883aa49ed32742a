"""When this machine's disk fails, as opposed to a file that is missing or a fault of ours."""

from __future__ import annotations

import errno

# Full, over its quota, broken, mounted read-only, no more open files: all pass without a change of
# the input or of the portal.
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})


def is_disk_failure(error: BaseException) -> bool:
    """Whether the same work may well succeed once the machine's disk is mended."""
    return isinstance(error, OSError) and error.errno in _DISK
