"""What is wrong with a configuration: all of it at once, each with file, line, column and what to do. Never a secret."""

from msgspec import Struct

from tokend.config.yaml_tree import Map, Mark, Seq
from tokend.core.validation import shown

Path = tuple[str | int, ...]


class Problem(Struct, frozen=True):
    """`str()` of it is one line for people."""

    mark: Mark
    path: Path
    sentence: str

    def __str__(self) -> str:
        where = dotted(self.path)
        return f"{self.mark}: {where}: {self.sentence}" if where else f"{self.mark}: {self.sentence}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Report:
    """Collects problems against one tree. A part that is already reported is not reported again for what follows."""

    def __init__(self, root: Map) -> None:
        self.root = root
        self._problems: dict[tuple[Mark, str, Path], Problem] = {}
        self._touched: set[Path] = set()
        self._broken: set[Path] = set()

    def add(self, path: Path, sentence: str) -> None:
        """One problem, at the deepest key or item of `path` that the files hold.

        What `defaults` say wrongly is one problem, however many apps take it from there.
        """
        mark = self.mark_of(path)
        self._problems.setdefault((mark, sentence, () if mark.line else path), Problem(mark, path, sentence))
        self._touched.update(path[:length] for length in range(len(path) + 1))

    def add_broken(self, path: Path, sentence: str) -> None:
        """A problem of shape: what stands here counts as not written, so nothing follows from it or its absence."""
        self.add(path, sentence)
        self._broken.add(path)

    def add_after(self, path: Path, sentence: str) -> None:
        """A problem of meaning: dropped where the part, or one below it, is reported already, or stands in a broken one."""
        if not self.touches(path) and not self.is_broken(path):
            self.add(path, sentence)

    def touches(self, path: Path, besides: str | None = None) -> bool:
        """Whether something at or below this path is reported; what stands below its key `besides` aside."""
        if besides is None:
            return path in self._touched
        below = (one[len(path)] for one in self._touched if len(one) > len(path) and one[: len(path)] == path)
        return any(key != besides for key in below)

    def is_broken(self, path: Path) -> bool:
        """Whether this path, or one that it stands in, has the wrong shape."""
        return any(path[:length] in self._broken for length in range(1, len(path) + 1))

    def mark_of(self, path: Path) -> Mark:
        at: object = self.root
        mark = self.root.mark
        for step in path:
            if isinstance(at, Map) and step in at:
                mark, at = at.marks[str(step)], at[str(step)]
            elif isinstance(at, Seq) and isinstance(step, int) and step < len(at):
                mark, at = at.marks[step], at[step]
            else:
                break
        return mark

    @property
    def problems(self) -> list[Problem]:
        """In the order of the files' lines."""
        return sorted(self._problems.values(), key=lambda one: (one.mark, one.sentence))


def dotted(path: Path) -> str:
    """`apps.bolt.callers.web.may[0]`, as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path).lstrip(".")
