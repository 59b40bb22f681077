"""Finds the deny entries for a token without reading all of them: a few look-ups, however many entries there are.

The fields of an entry are its key in a table. A token for any user is stopped by an entry for one user, since that user
could use it: for such tokens, each entry also has a key with `None` for the user. The same holds for channels.
One thread may change the index while others call `reason`: each change of a table is a single step of the interpreter.
"""

from collections.abc import Callable, Iterable
from itertools import product
from math import inf
from typing import Final

from msgspec import Struct

from tokend.core.declarations import WILDCARD_CHANNEL, WILDCARD_USER
from tokend.core.deny_entries import Entry
from tokend.core.model import Caller
from tokend.core.reach import Reach

_DENIED: Final = "this is on the deny list"

Key = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""App, caller, url, sub, user and channel of an entry. Empty: it has no such field. None: any user or channel."""
Shape = tuple[bool, bool, bool, bool, bool, bool]
"""Which fields of a key are empty."""


class Block(Struct, frozen=True, gc=False):
    """The times of an entry in Unix seconds; infinity if it has none. Without `gc`, since there may be very many."""

    issued_before: float = inf
    until: float = inf


_ALWAYS: Final = Block()
_EMPTY: Final = ("",)
_STEPS: Final = 16
"""Entries or blocks between two calls of `pause`."""


class DenyIndex:
    """A deny list. Only one thread may call `add` and `remove`; any may call `reason` meanwhile."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.count = 0
        """Number of entries."""
        self._blocks: dict[Key, tuple[Block, ...]] = {}
        self._all_blocks: dict[Key, dict[Block, int]] = {}
        """For keys of more than one entry: each block, and how many entries have it. Only the widest are in `_blocks`."""
        self._shapes: tuple[Shape, ...] = ()
        self._shape_counts: dict[Shape, int] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        key, block = _key_of(entry), _block_of(entry)
        blocks = (block,)
        for lookup_key in _with_wildcards(key):
            present = self._blocks.setdefault(lookup_key, blocks)
            if present is not blocks:
                self._widen(lookup_key, present, block)
        self._count_shape(key, 1)

    def remove(self, entries: Iterable[Entry], pause: Callable[[], None] = lambda: None) -> None:
        """Remove entries that were added. `pause` is called every few steps."""
        affected: set[Key] = set()
        for number, entry in enumerate(entries):
            if number % _STEPS == 0:
                pause()
            key, block = _key_of(entry), _block_of(entry)
            affected.update(lookup_key for lookup_key in _with_wildcards(key) if self._take(lookup_key, block))
            self._count_shape(key, -1)
        while affected:  # to free a large set at once takes long
            key = affected.pop()
            pause()
            blocks: tuple[Block, ...] = ()
            for number, block in enumerate(self._all_blocks[key], 1):
                if number % _STEPS == 0:
                    pause()
                blocks = _with(blocks, block)
            if blocks:
                self._blocks[key] = blocks
            else:
                del self._blocks[key], self._all_blocks[key]

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
        subs = _subs_of(caller)
        for no_app, no_caller, no_url, no_sub, no_user, no_channel in self._shapes:
            keys = product(
                _EMPTY if no_app else (app,),
                _EMPTY if no_caller else (caller.name,),
                _EMPTY if no_url else urls,
                _EMPTY if no_sub else subs,
                _EMPTY if no_user else users,
                _EMPTY if no_channel else channels,
            )
            for key in keys:
                blocks = self._blocks.get(key)
                if blocks is not None and _applies(blocks, caller, now):
                    return _DENIED
        return None

    def _widen(self, key: Key, blocks: tuple[Block, ...], block: Block) -> None:
        """Add a block to a key that has blocks."""
        counts = self._all_blocks.get(key)
        if counts is None:
            counts = self._all_blocks[key] = {blocks[0]: 1}
        counts[block] = counts.get(block, 0) + 1
        wider = _with(blocks, block)
        if wider is not blocks:
            self._blocks[key] = wider

    def _take(self, key: Key, block: Block) -> bool:
        """Take a block from a key, and return whether the widest blocks of the key must be found again."""
        counts = self._all_blocks.get(key)
        if counts is None:
            del self._blocks[key]
            return False
        counts[block] -= 1
        if counts[block]:
            return False
        del counts[block]
        return block in self._blocks[key]

    def _count_shape(self, key: Key, change: int) -> None:
        self.count += change
        app, caller, url, sub, user, channel = key
        shape = (not app, not caller, not url, not sub, not user, not channel)
        count = self._shape_counts.get(shape, 0) + change
        self._shape_counts[shape] = count
        if count == 0 or (count == 1 and change > 0):
            self._shapes = tuple(present for present, number in self._shape_counts.items() if number)


def _key_of(entry: Entry) -> Key:
    return entry.app or "", entry.caller or "", entry.url or "", entry.sub or "", entry.user or "", entry.channel or ""


def _subs_of(caller: Caller) -> tuple[str, ...]:
    """Return the caller's `sub` as text; nothing if it has none, or one that is neither text nor a whole number."""
    sub = caller.claims.get("sub")
    return (str(sub),) if isinstance(sub, str | int) and not isinstance(sub, bool) else ()


def _block_of(entry: Entry) -> Block:
    before, until = entry.issued_before, entry.until
    if before is None and until is None:
        return _ALWAYS
    return Block(inf if before is None else before, inf if until is None else until)


def _with_wildcards(key: Key) -> tuple[Key, ...]:
    """Return the key, and those under which tokens for any user or channel find it."""
    app, caller, url, sub, user, channel = key
    any_user, any_channel = (app, caller, url, sub, None, channel), (app, caller, url, sub, user, None)
    if user and channel:
        return key, any_user, any_channel, (app, caller, url, sub, None, None)
    if user:
        return key, any_user
    return (key, any_channel) if channel else (key,)


def _with(blocks: tuple[Block, ...], new: Block) -> tuple[Block, ...]:
    """Return the blocks with another one, without those that a wider and longer one makes needless."""
    if len(blocks) == 1 and blocks[0].issued_before == new.issued_before:  # by far the most frequent
        return blocks if blocks[0].until >= new.until else (new,)
    for block in blocks:
        if block.issued_before >= new.issued_before and block.until >= new.until:
            return blocks
    kept = [block for block in blocks if block.issued_before > new.issued_before or block.until > new.until]
    return (*kept, new)


def _applies(blocks: tuple[Block, ...], caller: Caller, now: int) -> bool:
    for block in blocks:
        if now < block.until and (block.issued_before == inf or _began_before(block.issued_before, caller)):
            return True
    return False


def _began_before(time: float, caller: Caller) -> bool:
    """Return whether an identity is older than `time`.

    A JWT need not have an `iat`. One that expires and has no `iat` counts as older.
    """
    issued_at = caller.claims.get("iat")
    return issued_at < time if isinstance(issued_at, int | float) else "exp" in caller.claims
