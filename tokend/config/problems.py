"""Problems of a configuration: all of them at once, each with file, line, column and what to do. Never a secret."""

from collections.abc import Iterable

from msgspec import Struct

from tokend.config.yaml_tree import LocatedDict, LocatedList, Location
from tokend.core.folding import fold_alike, without_name
from tokend.core.validation import redact_secrets

KeyPath = tuple[str | int, ...]


class Problem(Struct, frozen=True):
    """A problem of the configuration. Its `str()` is a line for people."""

    location: Location
    path: KeyPath
    sentence: str

    @property
    def for_any_app(self) -> object:
        """The same for two problems that differ only in the place and name of their app."""
        if len(self.path) < 2 or self.path[0] != "apps":
            return self
        return without_name(self.sentence, str(self.path[1])), self.path[2:]

    def __str__(self) -> str:
        where = dotted(self.path)
        return f"{self.location}: {where}: {self.sentence}" if where else f"{self.location}: {self.sentence}"


class ConfigurationError(Exception):
    """The configuration cannot be used. `problems` has every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Report:
    """Collects the problems of a tree. What follows from a reported problem is not reported as well."""

    def __init__(self, root: LocatedDict) -> None:
        self.root = root
        self._problems: dict[tuple[Location, str, KeyPath], Problem] = {}
        self._of_apps: dict[str, dict[Problem, None]] = {}
        self._touched: set[KeyPath] = set()
        self._broken: set[KeyPath] = set()

    def add(self, path: KeyPath, sentence: str) -> None:
        """Add a problem, at the deepest key or item of `path` that the files have.

        A wrong value in `defaults` is one problem, however many apps inherit it. `TypeError` if the sentence is no text: a
        plug-in may have made it.
        """
        if not isinstance(sentence, str):
            raise TypeError
        location = self.location_of(path)
        problem = Problem(location, path, sentence)
        self._problems.setdefault((location, sentence, () if location.line else path), problem)
        if len(path) > 1 and path[0] == "apps":
            self._of_apps.setdefault(str(path[1]), {})[problem] = None
        self._touched.update(path[:length] for length in range(len(path) + 1))

    def add_broken(self, path: KeyPath, sentence: str) -> None:
        """Add a problem of shape. The value counts as unknown, so neither it nor its absence causes other problems."""
        self.add(path, sentence)
        self._broken.add(path)

    def add_after(self, path: KeyPath, sentence: str) -> None:
        """Add a problem of meaning, unless this part, a part below it or a part around it is reported already."""
        if not self.touches(path) and not self.is_broken(path):
            self.add(path, sentence)

    def touches(self, path: KeyPath) -> bool:
        """Whether a problem at or below this path is reported."""
        return path in self._touched

    def is_broken(self, path: KeyPath) -> bool:
        """Whether this path, or a path around it, has the wrong shape."""
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
        """All problems in the order of the files' lines."""
        return in_order(self._problems.values())

    @property
    def of_apps(self) -> dict[str, tuple[Problem, ...]]:
        """The problems of each app, including those that it inherits from `defaults`."""
        return {app: tuple(in_order(problems)) for app, problems in self._of_apps.items()}


def fold(problems: Iterable[Problem]) -> list[str]:
    """The problems as lines for people. One that is the same for several apps is a line that names the others."""
    return fold_alike(
        (problem.for_any_app, str(problem.path[1]) if len(problem.path) > 1 else "", problem) for problem in problems
    )


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems in the order of the files' lines."""
    return sorted(problems, key=lambda problem: (problem.location, problem.sentence))


def dotted(path: KeyPath) -> str:
    """`apps.bolt.callers.web.rules[0]`, as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{redact_secrets(step)}" for step in path).lstrip(".")
