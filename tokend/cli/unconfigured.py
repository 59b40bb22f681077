"""Every installed backend without a configuration: it reads tokens, and knows no signer."""

import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.config.entry_points import BACKENDS
from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret, SecretList
from tokend.core.validation import StrictModel, bare_annotation
from tokend.issuing.grants import PLUGIN_ERRORS


def installed_backends() -> list[Backend]:
    """Return every installed backend that works without its credentials; standard error names the others."""
    backends: list[Backend] = []
    for kind, backend_class in BACKENDS.load_all().items():
        try:
            backend = backend_class(_options(backend_class), AppCredentials(None, {}))
        except PLUGIN_ERRORS as error:  # it needs its options
            print(
                f"tokend: backend {kind} cannot be used without a configuration: {type(error).__name__}",
                file=sys.stderr,
            )
            continue
        backend.kind = kind
        backends.append(backend)
    return backends


def _options(backend_class: type[Backend]) -> StrictModel:
    """The options of a backend. One that has no default gets an empty value, and a secret that nobody knows."""
    try:
        return backend_class.Options()
    except ValidationError:
        fields = backend_class.Options.model_fields.items()
        values: dict[str, Any] = {name: _placeholder(field.annotation) for name, field in fields if field.is_required()}
        return backend_class.Options.model_construct(**values)


def _secret() -> Secret:
    return Secret(secrets.token_hex(32))


_EMPTY: Final[Mapping[Any, Callable[[], object]]] = {
    SecretList: lambda: SecretList((_secret(),)),
    Secret: _secret,
    dict: dict,
    int: int,
    list: list,
    str: str,
    tuple: tuple,
}


def _placeholder(annotation: Any) -> object:
    bare = bare_annotation(annotation)
    if get_origin(bare) is Literal:
        return get_args(bare)[0]
    return _EMPTY.get(get_origin(bare) or bare, lambda: None)()
