"""What a script found: figures, printed as lines `name: figure` while it runs, and the bars that it missed."""


class Report:
    """Filled by one script."""

    def __init__(self) -> None:
        self.misses: list[str] = []

    def figure(self, name: str, figure: object) -> None:
        """Something worth knowing that has no bar."""
        print(f"{name}: {figure}", flush=True)

    def bar(self, name: str, figure: object, bar: str, held: bool) -> None:
        """A figure that has to stay within `bar` (`at most 2 ms`); `held` says whether it does."""
        print(f"{name}: {figure} ({bar}: {'held' if held else 'MISSED'})", flush=True)
        if not held:
            self.misses.append(f"{name}: {figure}, but {bar}")
