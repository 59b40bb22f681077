"""The shelf of dialects: the table of those that a route can name."""

from collections.abc import Mapping
from typing import Final

from tokend.dialects import (
    agora_docker,
    agora_docs_sample,
    agora_node_server,
    agora_npm_demo,
    agora_samples,
    agora_samples_chat,
    agora_token_guide,
    agora_token_service,
    native,
)
from tokend.dialects.contract import Dialect
from tokend.dialects.native import explanation_fields
from tokend.dialects.rendering import token_fields

_ALL: Final = (
    native,
    agora_token_service,
    agora_token_guide,
    agora_node_server,
    agora_npm_demo,
    agora_docker,
    agora_docs_sample,
    agora_samples,
    agora_samples_chat,
)
DIALECTS: Final[Mapping[str, Dialect]] = {one.NAME: one.DIALECT for one in _ALL}
DEFAULT: Final = (native.NAME, agora_token_service.NAME)

__all__ = ["DEFAULT", "DIALECTS", "Dialect", "explanation_fields", "token_fields"]
