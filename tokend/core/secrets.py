"""`Secret`: a text that cannot be printed, compared or pickled by accident. `SecretList`: several, for rotation."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, core_schema

from tokend.core.validation import invalid

FORMS: Final = {
    "env": "environment variable that holds the secret",
    "file": "path of the file that holds the secret",
    "credential": "name of the systemd credential that holds it",
}
"""The keys that name the source of a secret, with their descriptions."""
NO_REFERENCE: Final = "is a secret: write {env: NAME}, {file: PATH} or {credential: NAME}, never the text itself"


class _Sealed:
    """What cannot be printed, pickled or copied by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sealed)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be pickled or copied")


class Secret(_Sealed):
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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(_secret)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _json_schema()


def _secret(value: object, info: ValidationInfo) -> Secret:
    """The secret of a reference, by the configuration's resolver."""
    if isinstance(value, Secret):
        return value
    resolver = (info.context or {}).get("secrets")
    if resolver is None or not isinstance(value, dict):
        raise invalid(NO_REFERENCE)
    secret: Secret = resolver(value)
    return secret


def _json_schema() -> JsonSchemaValue:
    references = [
        {
            "type": "object",
            "properties": {name: {"type": "string", "description": description}},
            "required": [name],
            "additionalProperties": False,
        }
        for name, description in FORMS.items()
    ]
    return {"title": "Secret", "oneOf": references}


class SecretList(_Sealed):
    """Secrets for rotation: the first signs, all verify. Immutable, at least one, all different.

    In a pydantic model (a backend's Options) it is written as a secret, or as a list of secrets.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[Secret]) -> None:
        """Raises `ValueError` if there is no secret, or the same one twice."""
        self._secrets = tuple(secrets)
        if not self._secrets:
            raise ValueError("a SecretList needs at least one secret")
        if _repeated(self._secrets):
            raise ValueError("a SecretList has the same secret twice")

    @property
    def first(self) -> Secret:
        """The secret that signs."""
        return self._secrets[0]

    def __iter__(self) -> Iterator[Secret]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        listed = core_schema.list_schema(handler.generate_schema(Secret))
        as_it_is = core_schema.simple_ser_schema("any")
        return core_schema.with_info_wrap_validator_function(cls._validated, listed, serialization=as_it_is)

    @classmethod
    def _validated(
        cls, value: object, handler: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> "SecretList":
        if isinstance(value, SecretList):
            return value
        if not isinstance(value, list | tuple):
            return cls([_secret(value, info)])
        if not value:
            raise invalid("is an empty list: write at least one secret")
        secrets: list[Secret] = handler(list(value))
        if repeated := _repeated(secrets):
            sentence = "is the same secret as one before it: write each once"
            errors = [InitErrorDetails(type=invalid(sentence), loc=(index,), input=None) for index in repeated]
            raise ValidationError.from_exception_data(cls.__name__, errors, hide_input=True)
        return cls(secrets)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        single = _json_schema()
        listed = {"type": "array", "items": single, "minItems": 1, "uniqueItems": True}
        return {
            "title": "Secrets",
            "description": "one, or several: the first signs, all verify",
            "anyOf": [single, listed],
        }


def _repeated(secrets: Sequence[Secret]) -> list[int]:
    """The indexes of secrets that an earlier one equals."""
    texts = [secret.reveal() for secret in secrets]
    return [index for index, text in enumerate(texts) if text in texts[:index]]
