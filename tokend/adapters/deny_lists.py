"""The lists that `tokend deny` and the console change: the deny file, and the list in Redis."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tokend.adapters.deny_file import deny_file_problem, read_deny_file
from tokend.adapters.deny_file_edit import edit_deny_file
from tokend.core.secrets import Secret
from tokend.core.validation import redact_secrets
from tokend.installing import install_command
from tokend.issuing.server_settings import RootOptions

T = TypeVar("T")
Change = Callable[[list[bytes]], list[bytes]]
"""The new lines for the present ones. It may be called again if somebody else has changed them."""


class CannotUse(Exception):
    """Why a list cannot be read or changed, in a sentence."""


class EditedList(ABC):
    """A list that can be read and changed. `name`: as messages name it. `source`: file or redis."""

    name: str
    source: str

    @abstractmethod
    def read(self) -> bytes:
        """Return the lines. Raises `CannotUse`."""

    @abstractmethod
    def edit(self, change: Change) -> None:
        """Change the lines. Raises `CannotUse`."""


class FileList(EditedList):
    """The deny file."""

    source = "file"

    def __init__(self, path: Path, *, creates: bool = False) -> None:
        """`creates`: a missing file is empty, and `edit` creates it. Servers take the new one for the whole list."""
        self.path = path
        self._creates = creates
        self.name = redact_secrets(str(path))

    def read(self) -> bytes:
        if self._creates and not self.path.exists():
            return b""
        try:
            return read_deny_file(self.path)[0]
        except (OSError, ValueError) as error:
            raise CannotUse(deny_file_problem(self.name, error)) from error

    def edit(self, change: Change) -> None:
        if not self._creates and not self.path.exists():
            raise CannotUse(f"the deny file {self.name} does not exist: put a copy of it back, or create an empty file")
        try:
            edit_deny_file(self.path, change)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise CannotUse(f"the deny file cannot be changed: {self.name}: {why}") from error


class RedisList(EditedList):
    """The list in Redis, which all instances share."""

    source = "redis"

    def __init__(self, url: Secret) -> None:
        self.name = "the deny list in Redis"
        self._url = url
        try:
            from tokend.adapters import deny_redis, redis_client  # an optional package, slow to import
        except ImportError as error:
            what = "deny.redis is true, but a package is missing"
            raise CannotUse(f"{what}: {install_command('redis')}") from error
        self._redis = deny_redis
        self._error_name = redis_client.error_name

    def read(self) -> bytes:
        return self._run("read", self._redis.read_deny_redis(self._url))

    def edit(self, change: Change) -> None:
        self._run("changed", self._redis.edit_deny_redis(self._url, change))

    def _run(self, verb: str, call: Coroutine[Any, Any, T]) -> T:
        """The result of a call. Its error may quote the URL, which may hold a password: of their texts only our own are shown."""
        try:
            return asyncio.run(call)
        except Exception as error:
            own = f": {error}" if type(error) in (ValueError, TimeoutError) and str(error) else ""
            raise CannotUse(f"the deny list in Redis cannot be {verb}: {self._error_name(error)}{own}") from error


def edited_lists(options: RootOptions) -> list[EditedList]:
    """The lists of a configuration; the one for new entries is first. Raises `CannotUse` if a package is missing."""
    if options.deny is None:
        return []
    lists: list[EditedList] = []
    if options.deny.redis and options.redis is not None:
        lists.append(RedisList(options.redis.url))
    return lists if options.deny.file is None else [*lists, FileList(Path(options.deny.file))]
