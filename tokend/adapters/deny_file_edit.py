"""Changes the deny file for `tokend deny`: writes the new content beside it and renames it, so that no reader sees a part.

The lock is on the file itself. Whoever waited for it then finds that the file has been replaced, and locks the new one.
"""

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tokend.adapters.deny_source import joined

MODE: Final = 0o640
LOCK_SECONDS: Final = 10.0
"""The longest wait for another writer."""
_LOCK_PAUSE: Final = 0.02


def edit_deny_file(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Replace the lines of the file by what `change` makes of them.

    Lines have no newline. Mode and owner are kept where that is permitted. A file that does not exist is created.
    Raises `OSError`; `TimeoutError` if another writer holds the lock for too long; `ValueError` as `joined` does.
    """
    path = path.resolve()  # a link stays a link
    if path.exists() and not path.is_file():  # a device or a pipe may never end
        raise OSError(errno.EINVAL, "it is not a regular file")
    with _locked(path) as descriptor:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            lines = change(file.read().splitlines())
        _replace(path, joined(lines), os.fstat(descriptor))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The descriptor of the file, locked. Another writer may have replaced the file while this one waited."""
    ends = time.monotonic() + LOCK_SECONDS
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            _lock(descriptor, ends)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    yield descriptor
                    return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, ends: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                raise TimeoutError(f"another command has been writing it for {LOCK_SECONDS:g} s") from None
            time.sleep(_LOCK_PAUSE)
        else:
            return


def _replace(path: Path, content: bytes, like: os.stat_result) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _keep_owner(descriptor, like)
            os.fchmod(descriptor, like.st_mode & 0o7777)
            os.fsync(descriptor)
        os.replace(beside, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)  # noqa: PTH108
        raise


def _keep_owner(descriptor: int, like: os.stat_result) -> None:
    for user in (like.st_uid, -1):  # only root may give a file away; its group may be kept without
        with suppress(OSError):
            os.fchown(descriptor, user, like.st_gid)
            return
