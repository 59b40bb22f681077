"""`make reference`: writes the generated parts of docs/reference."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.site.reference import api, commands, configuration, errors

FOLDER: Final = Path(__file__).parents[2] / "reference"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "configuration.md": configuration.markdown,
    "http-api.md": api.markdown,
    "errors.md": errors.markdown,
    "commands.md": commands.markdown,
}
"""The pages, and what writes the part between the two marks of each."""
_PART: Final = re.compile(r"(?<=<!-- make reference writes what follows -->\n\n).*?(?=<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """The page with its generated part as the code has it now."""
    text = (FOLDER / page).read_text("utf-8")
    return _PART.sub(lambda _: PAGES[page]().rstrip("\n") + "\n\n", text)


if __name__ == "__main__":
    for page in PAGES:
        (FOLDER / page).write_text(written(page), "utf-8")
