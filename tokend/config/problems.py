"""What is wrong with a configuration: all of it at once, each with file, line, column and what to do. Never a secret."""

from collections.abc import Iterable

from msgspec import Struct

from tokend.config.yaml_tree import LocatedDict, LocatedList, Location
from tokend.core.validation import redact_secrets

KeyPath = tuple[str | int, ...]


class Problem(Struct, frozen=True):
    """`str()` of it is one line for people."""

    location: Location
    path: KeyPath
    sentence: str

    def __str__(self) -> str:
        where = dotted(self.path)
        return f"{self.location}: {where}: {self.sentence}" if where else f"{self.location}: {self.sentence}"


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Report:
    """Collects problems against one tree. A part that is already reported is not reported again for what follows."""

    def __init__(self, root: LocatedDict) -> None:
        self.root = root
        self._problems: dict[tuple[Location, str, KeyPath], Problem] = {}
        self._of_apps: dict[str, dict[Problem, None]] = {}
        self._touched: set[KeyPath] = set()
        self._broken: set[KeyPath] = set()

    def add(self, path: KeyPath, sentence: str) -> None:
        """One problem, at the deepest key or item of `path` that the files hold.

        What `defaults` say wrongly is one problem, however many apps take it from there.
        """
        location = self.location_of(path)
        problem = Problem(location, path, sentence)
        self._problems.setdefault((location, sentence, () if location.line else path), problem)
        if len(path) > 1 and path[0] == "apps":
            self._of_apps.setdefault(str(path[1]), {})[problem] = None
        self._touched.update(path[:length] for length in range(len(path) + 1))

    def add_broken(self, path: KeyPath, sentence: str) -> None:
        """A problem of shape: what stands here counts as not written, so nothing follows from it or its absence."""
        self.add(path, sentence)
        self._broken.add(path)

    def add_after(self, path: KeyPath, sentence: str) -> None:
        """A problem of meaning: dropped where the part, or one below it, is reported already, or stands in a broken one."""
        if not self.touches(path) and not self.is_broken(path):
            self.add(path, sentence)

    def touches(self, path: KeyPath, except_key: str | None = None) -> bool:
        """Whether something at or below this path is reported; what stands below its key `except_key` aside."""
        if except_key is None:
            return path in self._touched
        below = (
            touched[len(path)] for touched in self._touched if len(touched) > len(path) and touched[: len(path)] == path
        )
        return any(key != except_key for key in below)

    def is_broken(self, path: KeyPath) -> bool:
        """Whether this path, or one that it stands in, has the wrong shape."""
        return any(path[:length] in self._broken for length in range(1, len(path) + 1))

    def location_of(self, path: KeyPath) -> Location:
        at: object = self.root
        location = self.root.location
        for step in path:
            if isinstance(at, LocatedDict) and step in at:
                location, at = at.locations[str(step)], at[str(step)]
            elif isinstance(at, LocatedList) and isinstance(step, int) and step < len(at):
                location, at = at.locations[step], at[step]
            else:
                break
        return location

    @property
    def problems(self) -> list[Problem]:
        """In the order of the files' lines."""
        return in_order(self._problems.values())

    @property
    def of_apps(self) -> dict[str, tuple[Problem, ...]]:
        """The problems of each app, with those that it takes from `defaults`."""
        return {app: tuple(in_order(problems)) for app, problems in self._of_apps.items()}


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """In the order of the files' lines."""
    return sorted(problems, key=lambda problem: (problem.location, problem.sentence))


def dotted(path: KeyPath) -> str:
    """`apps.bolt.callers.web.rules[0]`, as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{redact_secrets(step)}" for step in path).lstrip(".")
