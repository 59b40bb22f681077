"""Finds the deny entries for a token without reading all of them: a few look-ups, however many entries there are.

The fields of an entry are its key in a table. A token for any user is stopped by an entry for one user, since that user
could use it: for such tokens, each entry also has a key with `None` for the user. The same holds for channels.
"""

from collections.abc import Iterable
from itertools import product
from math import inf
from typing import Final

from tokend.core.declarations import WILDCARD_CHANNEL, WILDCARD_USER
from tokend.core.deny_entries import Entry
from tokend.core.model import Caller
from tokend.core.reach import Reach

_DENIED: Final = "this is denied for the time being"

Key = tuple[str | None, str | None, str | None, str | None, str | None]
"""App, caller, url, user and channel of an entry. Empty: it has no such field. None: any user or channel."""
Shape = tuple[bool, bool, bool, bool, bool]
"""Which fields of a key are empty."""
Block = tuple[float, float]
"""`issued_before` and `until` of an entry in Unix seconds; infinity if it has none."""
_ALWAYS: Final[tuple[Block, ...]] = ((inf, inf),)
_EMPTY: Final = ("",)


class DenyIndex:
    """A deny list. `add` and `discard` must not run while another thread calls `reason`."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.count = 0
        """Number of entries."""
        self._blocks: dict[Key, tuple[Block, ...]] = {}
        self._shapes: set[Shape] = set()
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        self.count += 1
        app, caller, url = entry.app or "", entry.caller or "", entry.url or ""
        user, channel = entry.user or "", entry.channel or ""
        blocks: tuple[Block, ...] = _ALWAYS
        before, until = entry.issued_before, entry.until
        if before is not None or until is not None:
            blocks = ((inf if before is None else before, inf if until is None else until),)
        self._shapes.add((not app, not caller, not url, not user, not channel))
        self._put((app, caller, url, user, channel), blocks)
        if user:
            self._put((app, caller, url, None, channel), blocks)
        if channel:
            self._put((app, caller, url, user, None), blocks)
            if user:
                self._put((app, caller, url, None, None), blocks)

    def reason(self, app: str, caller: Caller, reach: Reach, now: int) -> str | None:
        """Return why a grant with this reach is denied, or None if it is not. The sentence discloses nothing of the entry.

        `now` is in Unix seconds. A token that leaves out the user, and could have one, counts as one for any user.
        """
        users: list[str | None] = [*reach.users, *reach.derived_users]
        channels: list[str | None] = [*reach.channels]
        if WILDCARD_USER in reach.capabilities or reach.omits_user:
            users.append(None)
        if WILDCARD_CHANNEL in reach.capabilities or reach.omits_channel:
            channels.append(None)
        urls = () if caller.url is None else (caller.url,)
        for no_app, no_caller, no_url, no_user, no_channel in self._shapes:
            keys = product(
                _EMPTY if no_app else (app,),
                _EMPTY if no_caller else (caller.name,),
                _EMPTY if no_url else urls,
                _EMPTY if no_user else users,
                _EMPTY if no_channel else channels,
            )
            for key in keys:
                blocks = self._blocks.get(key)
                if blocks is not None and _applies(blocks, caller, now):
                    return _DENIED
        return None

    def discard(self, number: int) -> bool:
        """Forget this number of keys, and return whether any is left. To free a large index at once takes long."""
        for _ in range(min(number, len(self._blocks))):
            self._blocks.popitem()
        return bool(self._blocks)

    def _put(self, key: Key, blocks: tuple[Block, ...]) -> None:
        present = self._blocks.setdefault(key, blocks)
        if present is not blocks and present is not _ALWAYS:
            self._blocks[key] = _with(present, *blocks)


def _with(blocks: tuple[Block, ...], new: Block) -> tuple[Block, ...]:
    """Return the blocks with another one, without those that a wider and longer one makes needless."""
    before, until = new
    if len(blocks) == 1 and blocks[0][0] == before:  # by far the most frequent
        return blocks if blocks[0][1] >= until else (new,)
    for other_before, other_until in blocks:
        if other_before >= before and other_until >= until:
            return blocks
    kept = [block for block in blocks if block[0] > before or block[1] > until]
    return (*kept, new)


def _applies(blocks: tuple[Block, ...], caller: Caller, now: int) -> bool:
    for before, until in blocks:  # noqa: SIM110  # a generator costs more than the whole loop
        if now < until and (before == inf or _began_before(before, caller)):
            return True
    return False


def _began_before(time: float, caller: Caller) -> bool:
    """Return whether an identity is older than `time`.

    A JWT need not have an `iat`. One that expires and has no `iat` counts as older.
    """
    issued_at = caller.claims.get("iat")
    return issued_at < time if isinstance(issued_at, int | float) else "exp" in caller.claims
