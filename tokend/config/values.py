"""Single values of the configuration: durations, names of variables, headers and credentials, paths, lists."""

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tokend.core.validation import invalid

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key"})
_CREDENTIAL: Final = re.compile(r"[^/:\x00-\x1f]{1,255}")


def duration(text: object) -> int:
    """The seconds of `90s`, `30m`, `1h` or `1d`; a pydantic error, which is a ValueError, otherwise."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise invalid("must be a number with its unit: 90s, 30m, 1h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise invalid("must be the name of an environment variable")
    return text


def _file(text: str) -> str:
    if not text or "\0" in text:
        raise invalid("must be the path of a file")
    return text


def _header(text: str) -> str:
    if _HEADER.fullmatch(text) is None or text.lower() in _CREDENTIALS:
        raise invalid("must be the name of a header, other than Authorization and X-API-Key")
    return text.lower()


def _credential(text: str) -> str:
    if _CREDENTIAL.fullmatch(text) is None or text in (".", ".."):
        raise invalid("must be the name of a systemd credential, which has no slash")
    return text


def _listed(value: object) -> object:
    if value == []:
        raise invalid("is an empty list: leave the key out, or name at least one")
    if not isinstance(value, str | list):
        raise invalid("must be text or a list of texts")
    return [value] if isinstance(value, str) else value


class _OneOrMore:
    """For lists whose only item may stand alone, in the YAML as in its JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = {**handler(schema), "minItems": 1}
        return {"anyOf": [listed["items"], listed]}


T = TypeVar("T")
OneOrMore = Annotated[list[T], _OneOrMore()]
Duration = Annotated[
    int,
    BeforeValidator(duration, json_schema_input_type=Annotated[str, Field(pattern="^[0-9]{1,9}[smhd]$")]),
]
Variable = Annotated[str, AfterValidator(_variable)]
Header = Annotated[str, AfterValidator(_header)]
File = Annotated[str, AfterValidator(_file)]
Credential = Annotated[str, AfterValidator(_credential)]
