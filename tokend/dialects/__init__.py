"""The shelf of dialects: the table of those that a route can name."""

from collections.abc import Mapping
from typing import Final

from tokend.dialects import agora_token_service, native
from tokend.dialects.contract import Dialect

DIALECTS: Final[Mapping[str, Dialect]] = {one.name: one for one in (native.DIALECT, agora_token_service.DIALECT)}
DEFAULT: Final = (native.NAME, agora_token_service.NAME)
