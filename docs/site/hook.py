"""A hook of MkDocs: what the pages of docs/ link to in the repository, and how the site shows it.

The pages are also read as files, beside the code. There a link may name a directory or a file above docs/.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File

ROOT: Final = Path(__file__).parents[2]

PUBLISHED: Final = {
    "CHANGELOG.md": "changelog.md",
    "clients/js/tokend-client.js": "clients/tokend-client.js",
    "deploy/helm/tokend/README.md": "helm.md",
}
"""Files of the repository that the site has too, and where."""

PATHS: Final = {**PUBLISHED, "README.md": "index.md"}
"""What a link to a file above docs/ becomes. Any other is a warning of MkDocs, and --strict fails."""

_LINK: Final = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)")
_FENCE: Final = re.compile(r"^( *```\w+) .*$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Take out what Material's plug-in `offline` would load from another host. Hooks run after plug-ins."""
    config.extra["polyfills"] = []
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the published files to the site."""
    for source, path in PUBLISHED.items():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the page with its links as the site needs them, and its code blocks without the words for the tests."""
    site_path = page.file.src_uri
    sources = {path: source for source, path in PUBLISHED.items()}
    folder = posixpath.dirname(sources.get(site_path, f"docs/{site_path}"))

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        if (ROOT / target / "README.md").is_file():
            target += "/README.md"
        elif target not in PATHS and folder.startswith("docs"):
            return match[1]
        return posixpath.relpath(PATHS.get(target, target.removeprefix("docs/")), posixpath.dirname(site_path) or ".")

    return _LINK.sub(link, _FENCE.sub(r"\1", markdown))
