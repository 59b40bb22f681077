"""What a script found: figures, printed as lines `name: figure` while it runs, and the bars that it held or missed."""

from typing import NamedTuple


class Bar(NamedTuple):
    """A figure that has to stay within `bar` (`at most 2 ms`); `held` says whether it does."""

    name: str
    figure: str
    bar: str
    held: bool


class Figure(NamedTuple):
    """Something worth knowing that has no bar."""

    name: str
    figure: str


class Report:
    """Filled by one script."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self.figures: list[Figure] = []

    def figure(self, name: str, figure: object) -> None:
        """See `Figure`."""
        self.figures.append(Figure(name, str(figure)))
        self.detail(name, figure)

    def bar(self, name: str, figure: object, bar: str, held: bool) -> None:
        """See `Bar`."""
        self.bars.append(Bar(name, str(figure), bar, held))
        print(f"{name}: {figure} ({bar}: {'held' if held else 'MISSED'})", flush=True)

    def detail(self, name: str, text: object) -> None:
        """For whoever looks on; it gets into no table."""
        print(f"{name}: {text}", flush=True)

    @property
    def misses(self) -> list[str]:
        """The missed bars, a sentence each."""
        return [f"{one.name}: {one.figure}, but {one.bar}" for one in self.bars if not one.held]
