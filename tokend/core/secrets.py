"""`Secret`: a text that cannot be printed, compared or pickled by accident."""

from typing import Any, Final, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from tokend.core.validation import invalid

_FORMS: Final = {
    "env": "environment variable that holds the secret",
    "file": "path of the file that holds the secret",
    "credential": "name of the systemd credential that holds it",
}


class Secret:
    """A text that only `reveal()` returns. Its repr hides it, and it cannot be pickled or copied.

    In a pydantic model (a backend's Options) it is written `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`.
    The configuration passes a function `secrets` in the validation context, which turns a reference into a Secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(sealed)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def take(value: object, info: ValidationInfo) -> Secret:
            if isinstance(value, Secret):
                return value
            resolver = (info.context or {}).get("secrets")
            if resolver is None or not isinstance(value, dict):
                raise invalid(
                    "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"
                )
            secret: Secret = resolver(value)
            return secret

        return core_schema.with_info_plain_validator_function(take)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        references = [
            {
                "type": "object",
                "properties": {name: {"type": "string", "description": description}},
                "required": [name],
                "additionalProperties": False,
            }
            for name, description in _FORMS.items()
        ]
        return {"title": "Secret", "oneOf": references}
