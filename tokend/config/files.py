"""The files of a configuration. Their content is recorded, so that every worker can build the same configuration.

Otherwise a replaced worker, or the workers of a reload, could read a file while it is edited.
"""

import errno
import hashlib
import os
import re
import select
import stat
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from glob import glob
from pathlib import Path
from typing import Final

from msgspec import Struct

Version = tuple[int, int, int, int]
"""A file's time in ns, size in bytes, inode and mode: a cheap sign that it may have changed."""
TICK: Final = 0.02
"""Seconds. The times of files are less exact than this."""
PIPE_SECONDS: Final = 1.0
"""The longest time to wait for the next bytes of a pipe, since they may never come."""
_ANY_FOLDERS: Final = "**"


class FileRecord(Struct, frozen=True):
    """What was read. `read`: by path, the content of a file, or the number of the error. `listed`: by pattern, the names."""

    read: dict[str, bytes | int]
    listed: dict[str, list[str]]

    def __repr__(self) -> str:
        """Without the content, which holds secrets."""
        return f"{type(self).__name__}(sealed)"


class Files:
    """Reads from the disk and records the content. With a record of another object, reads from that alone."""

    def __init__(self, record: FileRecord | None = None) -> None:
        self._replays = record is not None
        self._read: dict[str, bytes | int] = {} if record is None else dict(record.read)
        self._listed: dict[str, list[str]] = {} if record is None else dict(record.listed)
        self._versions: dict[str, Version | None] = {}
        self.modes: dict[str, int] = {}
        """The permission bits of the ordinary files that were read from the disk, by path."""

    def read(self, path: Path, limit: int, check: Callable[[os.stat_result], None] | None = None) -> bytes:
        """At most `limit` + 1 bytes of a file, so that a longer file can be detected. Raises `OSError`.

        `check` gets the status of the open file and may raise.
        """
        name = str(path)
        if printable(name) != name:  # a record has its path as text
            raise OSError(errno.EILSEQ, "its path is not UTF-8 text: rename it", name)

        def note_mode(found: os.stat_result) -> None:
            if stat.S_ISREG(found.st_mode):
                self.modes[name] = stat.S_IMODE(found.st_mode)
            if check is not None:
                check(found)

        if not self._replays:
            self._versions[name] = _settled_version(name)  # before it is read: what is written meanwhile is a change
            try:
                self._read[name] = _contents(path, limit + 1, note_mode)
            except OSError as error:
                self._read[name] = error.errno or 0
                raise
            if path.is_fifo():
                self._versions[name] = _version(name)  # writing into a pipe changes its time
        found = self._read.get(name, 2)  # ENOENT: a file that was not read before does not exist
        if isinstance(found, int):
            raise OSError(found, os.strerror(found), name)
        return found

    def is_file(self, path: Path) -> bool:
        """Whether the file exists; from a record, whether it was read."""
        if self._replays:
            return isinstance(self._read.get(str(path)), bytes)
        self._versions[str(path)] = _settled_version(str(path))
        return path.is_file()

    def has(self, path: Path) -> bool:
        """Whether there is anything of this name, also what cannot be read; from a record, whether it was read."""
        if self._replays:
            return str(path) in self._read
        self._versions[str(path)] = _settled_version(str(path))
        return os.path.lexists(path)

    def listing(self, pattern: str, base: Path) -> list[str]:
        """The names below `base` that match a pattern, in order. A segment `**` stands for any number of folders.

        Raises `OSError` if the folder before the first `*`, `?` or `[` is there and cannot be read.
        """
        key = f"{base}\0{pattern}"
        if not self._replays:
            before = re.split(r"[*?[]", pattern, maxsplit=1)[0]
            folder = Path(base, before.rpartition("/")[0])
            self._note_folder(folder)
            with suppress(FileNotFoundError):
                if before != pattern:
                    os.scandir(folder).close()  # `glob` takes a folder that it cannot read for an empty one
            names, folders = _matching(pattern, base)
            for folder in folders:  # a file may be added to each of them
                self._note_folder(folder)
            self._listed[key] = sorted(names)
            for found in self._listed[key]:
                self._note_folder(Path(base, found).parent)
        return self._listed.get(key, [])

    def listed(self, pattern: str, base: Path) -> list[str]:
        """What `listing` returned for this pattern, without looking again."""
        return self._listed.get(f"{base}\0{pattern}", [])

    def digest(self, more: Iterable[str] = ()) -> str:
        """16 hex digits that change with every byte that was read, and with `more`."""
        found = hashlib.sha256()
        for name, content in sorted(self._read.items()):
            found.update(
                f"{name}\0{content if isinstance(content, int) else hashlib.sha256(content).hexdigest()}\0".encode()
            )
        for text in more:
            found.update(f"{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}\0".encode())
        return found.hexdigest()[:16]

    def _note_folder(self, folder: Path) -> None:
        """Remember a folder's version, so that a file which is added to it later counts as a change."""
        if str(folder) not in self._versions:
            self._versions[str(folder)] = _settled_version(str(folder))

    def changed(self) -> bool:
        """Whether a file or a listed folder may have changed since it was read."""
        versions = list(self._versions.items())  # a reload may add to them in another thread
        return any(_version(name) != version for name, version in versions)

    @property
    def names(self) -> frozenset[str]:
        """The paths that were read."""
        return frozenset(self._read)

    def record(self, without: Collection[str] = ()) -> FileRecord:
        """What was read, without some paths, for another object that reads the same."""
        read = {name: content for name, content in self._read.items() if name not in without}
        return FileRecord(read, dict(self._listed))

    def replayed(self) -> "Files":
        """Another object, which reads what this one has read."""
        return Files(self.record())


def utf8_text(raw: bytes) -> str | None:
    """The text, or None if it is not UTF-8. An error that comes of that would hold all bytes, such as those of a secret."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def printable(name: str) -> str:
    """The name of a file with each byte that is not UTF-8 as an escape."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _matching(pattern: str, base: Path) -> tuple[set[str], set[Path]]:
    """The names below `base` that match, and the folders that a segment `**` stands for.

    It stands for none that is hidden or behind a link: links may lead in a circle.
    """
    segments = pattern.split("/")
    if _ANY_FOLDERS not in segments:
        return set(glob(pattern, root_dir=base)), set()  # noqa: PTH207  # Path.glob raises on patterns such as a**b
    at = segments.index(_ANY_FOLDERS)
    top = "/".join(segments[:at]) or ("/" if pattern.startswith("/") else ".")
    rest = "/".join(segments[at + 1 :]) or "*"
    names, folders = set[str](), set[Path]()
    for start in glob(top, root_dir=base):  # noqa: PTH207  # see above
        for folder, below, _ in os.walk(Path(base, start)):
            below[:] = [name for name in below if not name.startswith(".")]
            there = Path(folder)
            found, deeper = _matching(rest, there)
            folders |= {there} | deeper
            place = there if start.startswith("/") else there.relative_to(base)
            names |= {str(place / name) for name in found if not (there / name).is_dir()}
    return names, folders


def _contents(path: Path, most: int, check: Callable[[os.stat_result], None]) -> bytes:
    with open(path, "rb", opener=_without_waiting) as opened:  # Path.open takes no opener
        descriptor = opened.fileno()
        found = os.fstat(descriptor)
        check(found)
        content, at_end = b"", stat.S_ISREG(found.st_mode)
        while len(content) < most:
            try:
                piece = os.read(descriptor, most - len(content))
            except BlockingIOError:
                if stat.S_ISREG(found.st_mode):  # a file of the kernel that has nothing now, such as /proc/kmsg
                    raise
                piece = None  # the writer is slow
            if piece:
                content += piece
            elif piece is not None and (content or at_end):
                break
            elif select.select([descriptor], [], [], PIPE_SECONDS)[0]:
                at_end = True  # a pipe without a writer yet looks like one at its end, so wait once
            else:
                raise OSError(errno.ETIMEDOUT, "nobody writes to this pipe")
    return content


def _without_waiting(name: str, flags: int) -> int:
    """Open without blocking. Opening a pipe would wait for its writer and could stop a reload for ever."""
    return os.open(name, flags | os.O_NONBLOCK)


def _settled_version(name: str) -> Version | None:
    """The version of a file, a moment after its last change: two changes in one tick of its clock look the same."""
    version = _version(name)
    if version is None or not 0 <= time.time_ns() - version[0] < TICK * 1e9:
        return version
    time.sleep(TICK)
    return _version(name)


def _version(name: str) -> Version | None:
    try:
        found = Path(name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
