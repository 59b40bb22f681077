"""The API reference: Swagger UI, from the package offapi, which the extra `docs` installs (docs/decisions/0018).

The page, its module and a style sheet are files of this package, in tokend/reference/. Nothing comes from another host.
"""

from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final

from tokend.dialects.contract import HttpResponse
from tokend.http import console

_PACKAGE: Final = "offapi"
_VIEWER: Final = {
    "swagger-ui.js": ("swagger_bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger_style.css", "text/css"),
}
"""The files of the viewer: what the package calls them, and their content types."""


@cache
def directory() -> Path | None:
    """Where the viewer is installed; None if it is not. The package is not imported: it would load all its viewers."""
    spec = find_spec(_PACKAGE)
    for place in spec.submodule_search_locations or () if spec else ():
        if all((Path(place) / name).is_file() for name, _ in _VIEWER.values()):
            return Path(place)
    return None


def page(title: str, prefix: str) -> HttpResponse:
    """The page of a route. `prefix`: its path, without a slash at the end."""
    text = Template(console.package_files("reference")[console.PAGE].body.decode()).substitute(
        title=escape(title), prefix=escape(prefix)
    )
    return HttpResponse(200, text.encode(), "text/html")


def file(name: str) -> HttpResponse | None:
    """A file that the page loads; None if there is none of this name, or no viewer is installed."""
    place = directory()
    if place is None:
        return None
    return _viewer_file(place, name) if name in _VIEWER else console.file(name, "reference")


@cache
def _viewer_file(place: Path, name: str) -> HttpResponse:
    source, content_type = _VIEWER[name]
    return HttpResponse(200, (place / source).read_bytes(), content_type)
