"""Uploads within bounds, held while the bytes arrive and not after.

The first upload handler of every request. Files are taken only by a view that says so with
`takes_files`, from somebody who is signed in; everything else that is multipart is a small form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from portal.limits import TooManyRequestsError, take_turn

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


class UploadTooLargeError(RequestDataTooBig):
    """More bytes than a request may bring; the message says the limit."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"{what} may have at most {filesizeformat(most)} ({most:,} bytes).")


class TooManyUploadsError(SuspiciousOperation):
    """Somebody uploads more often than allowed; nothing of this upload was read."""

    def __init__(self, error: TooManyRequestsError) -> None:
        super().__init__(str(error))
        self.error = error


def takes_files(view: ViewT) -> ViewT:
    """Mark a view that is given files; only such a view may get more than a form's bytes."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def may_bring_files(request: HttpRequest) -> bool:
    """Whether files are expected here and from this person."""
    match = request.resolver_match
    wanted = match is not None and getattr(match.func, "takes_files", False)
    return bool(wanted and request.user.is_authenticated)


class BoundedUpload(FileUploadHandler):
    """Counts what arrives; the handlers after it keep it."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._takes_files = False
        self._in_file = self._in_all = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  (Django's name)
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Decide by the length that was declared; Django reads no byte beyond it.

        Raises:
            UploadTooLargeError: it is too long.
            TooManyUploadsError: the person uploads too often.
        """
        assert self.request is not None  # noqa: S101  (Django sets it before it calls)
        self._takes_files = may_bring_files(self.request)
        if not self._takes_files:
            if content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                raise UploadTooLargeError("A form", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            return
        if content_length > settings.UPLOAD_MAX_BYTES:
            raise UploadTooLargeError("An upload", settings.UPLOAD_MAX_BYTES)
        try:
            take_turn("upload", f"person {self.request.user.pk}")
        except TooManyRequestsError as error:
            raise TooManyUploadsError(error) from None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._in_file = 0
        if not self._takes_files:
            raise SkipFile  # whatever comes is read past and never kept

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count and hand on.

        Raises:
            UploadTooLargeError: a file, or all of them, passed the limit.
        """
        self._in_file += len(raw_data)
        self._in_all += len(raw_data)
        if self._in_file > settings.UPLOAD_MAX_FILE_BYTES:
            raise UploadTooLargeError("A file", settings.UPLOAD_MAX_FILE_BYTES)
        if self._in_all > settings.UPLOAD_MAX_BYTES:
            raise UploadTooLargeError("An upload", settings.UPLOAD_MAX_BYTES)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
