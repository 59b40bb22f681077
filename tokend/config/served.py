"""What a server serves, in plain values: a process that starts later builds the same, also where an app is invalid."""

from typing import Self

from msgspec import Struct

from tokend.config.files import FileRecord
from tokend.config.isolation import Isolated
from tokend.issuing.routing import TakenRoute


class Served(Struct, frozen=True):
    """`files`: what was read. `apps`: names of all apps that are served, in order. `taken_routes`: those of the other apps.

    `valid_in`: older files, and the apps that were valid there last: they are served in that version.
    """

    files: FileRecord
    apps: tuple[str, ...]
    taken_routes: dict[str, tuple[TakenRoute, ...]]
    valid_in: tuple[tuple[FileRecord, tuple[str, ...]], ...] = ()

    @classmethod
    def at_start(cls, isolated: Isolated, files: FileRecord) -> Self:
        return cls(files, tuple(isolated.configuration.apps), dict(isolated.taken_routes))

    def followed_by(self, isolated: Isolated, files: FileRecord) -> Self:
        """What is served after a reload."""
        known = {name for _, names in self.valid_in for name in names}
        now = (self.files, tuple(name for name in self.apps if name not in known))
        kept = [
            (record, tuple(name for name in names if name in isolated.kept)) for record, names in (*self.valid_in, now)
        ]
        return type(self)(
            files,
            tuple(isolated.configuration.apps),
            dict(isolated.taken_routes),
            tuple((record, names) for record, names in kept if names),
        )
