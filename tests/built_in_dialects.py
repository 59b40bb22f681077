"""The dialects that tokend itself brings, loaded by their entry points as the configuration does."""

from collections.abc import Mapping
from typing import Final

from tokend.config.entry_points import DIALECTS as GROUP
from tokend.config.entry_points import installed
from tokend.dialects.contract import Dialect

DIALECTS: Final[Mapping[str, Dialect]] = {
    name: GROUP.load(name)
    for name, (entry, *_) in installed(GROUP.name).items()
    if entry.dist is not None and entry.dist.name == "tokend"
}
