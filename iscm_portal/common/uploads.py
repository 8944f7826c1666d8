"""Files that people send: never more of them on the disk than the portal takes, and private."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

log = logging.getLogger(__name__)

CHUNK = 256 * 1024


class TooLargeHandler(FileUploadHandler):
    """Stops an upload at the portal's limit. The rest is read off the line and dropped, so that
    the page can still answer; ``request.upload_is_too_large`` says so.
    """

    received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > settings.UPLOAD_MAX_BYTES:
            if self.request is not None:
                self.request.upload_is_too_large = True  # type: ignore[attr-defined]
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class NotStored(Exception):
    """The file could not be written: the disk is full, or away. Nothing of it is left."""


def _folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "attachments"


def path_of(place: str) -> Path:
    """Where the file called ``place`` lies; outside of everything that is served."""
    return _folder() / place[:2] / uuid.UUID(place).hex


def store(file: Any) -> tuple[str, str, int]:
    """Write ``file`` to the disk, whole or not at all: (place, SHA-256, bytes).

    The place is random: it tells nothing, and nobody can guess it. Raises NotStored.
    """
    place, digest, size = uuid.uuid4().hex, hashlib.sha256(), 0
    path = path_of(place)
    unfinished = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with unfinished.open("wb") as target:
            os.chmod(unfinished, 0o600)
            file.seek(0)
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where the disk is away there is nothing left
            unfinished.unlink(missing_ok=True)
        log.exception("an attachment could not be written")
        raise NotStored(str(error)) from error
    return place, digest.hexdigest(), size


def remove(place: str) -> None:
    path_of(place).unlink(missing_ok=True)


def free_bytes() -> int:
    """The room for more files. Raises OSError where nothing can be written."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=_folder()):
        return shutil.disk_usage(_folder()).free


def folders_before(moment: float) -> Iterator[list[Path]]:
    """Folder by folder the files last written before ``moment`` (POSIX).

    What a killed server left unfinished is among them, with a suffix.
    """
    for folder in sorted(_folder().glob("??")):
        yield [path for path in folder.iterdir() if path.stat().st_mtime < moment]
