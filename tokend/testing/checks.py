"""Helpers of the conformance suite: junk, changed tokens, other secrets, and grants without hidden fields."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from msgspec.structs import asdict
from pydantic import BaseModel, ValidationError

from tokend.issuing.grants import granted
from tokend.plugins import ApiError, Backend, Grant, Secret, SecretList

_WORDS: Final = (
    """0 é 語 null {} [] {"a":1} = a.b a.b.c a.b.c.d e30.e30.e30 eyJhbGciOiJub25lIn0.e30. Bearer %00 006 007 007eJxT"""
)
JUNK: Final = (
    *("", " ", "\n", "\0", "\ud800", "[" * 5000, "." * 50, "A" * 300, "9" * 9000, "x" * 200_000),
    *("006" + "0" * 32, "007" + "A" * 40_000, "006" + "A" * 40_000),
    *_WORDS.split(),
)
"""Texts that are not a token of any backend."""


def error_of(
    backend: Backend,
    fields: Mapping[str, object],
    ttl: int,
    user: str | None = None,
    statuses: Container[int] = (400,),
) -> str | None:
    """Return what rejects the fields: `shape` (the model), `grant`, or None. Any status but `statuses` is an error."""
    try:
        shape = backend.Fields.model_validate(dict(fields))
    except ValidationError:
        return "shape"
    try:
        granted(backend, type(backend).__name__, shape, ttl, user)
    except ApiError as api_error:
        assert api_error.status in statuses, (
            f"refused with {api_error.status}, which is not for this request: {api_error.operator or api_error}"
        )
        return "grant"
    return None


@contextmanager
def held_against_contract(subject: object) -> Iterator[None]:
    """Turn an error that a running server would answer into a failure of the test. `subject`: what the error is about."""
    try:
        yield
    except ApiError as api_error:
        raise AssertionError(f"{api_error.operator or api_error}: {subject}") from api_error


def object_schemas(shape: type[BaseModel]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and JSON Schema of a model and of every model in it."""
    schema = shape.model_json_schema()
    for name, part in {shape.__name__: schema, **schema.get("$defs", {})}.items():
        if part.get("type") == "object":
            yield name, part


def visible(grant: Grant, hidden: frozenset[str]) -> Mapping[str, object]:
    """Return a grant as plain data, without hidden fields of the grant and its services.

    Where the ttl is hidden, privileges are without their seconds.
    """
    services = [
        {name: value for name, value in asdict(service).items() if name not in hidden} for service in grant.services
    ]
    if "ttl" in hidden:
        services = [{**service, "privileges": sorted(service["privileges"])} for service in services]
    whole = {**asdict(grant), "services": services}
    return {name: value for name, value in whole.items() if name not in hidden}


def changed_tokens(token: str) -> Iterator[str]:
    """Yield the token with one character replaced, removed or doubled, for each character."""
    for index, letter in enumerate(token):
        before, after = token[:index], token[index + 1 :]
        for other in dict.fromkeys((chr(ord(letter) ^ 1), "A", "B", "", letter * 2)):
            if other != letter:
                yield f"{before}{other}{after}"


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield every secret in options."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple | SecretList):
        for item in value:
            yield from secrets_in(item)


def reversed_secrets(value: object) -> Any:
    """Return the same value with the text of every secret reversed."""
    if isinstance(value, Secret):
        return Secret(value.reveal()[::-1])
    if isinstance(value, Mapping):
        return {name: reversed_secrets(item) for name, item in value.items()}
    if isinstance(value, SecretList):
        return SecretList(map(reversed_secrets, value))
    return [reversed_secrets(item) for item in value] if isinstance(value, list | tuple) else value


def rotations(options: BaseModel, others: BaseModel) -> Iterator[tuple[BaseModel, BaseModel]]:
    """Yield options with a rotated SecretList, and options with a single secret of it, for each secret of each list.

    A list begins with the secret of another app, as after a rotation. So every secret of the options has to verify.
    """
    for path, secrets in _secret_lists(options):
        new: Iterable[Secret] = next((found for place, found in _secret_lists(others) if place == path), ())
        texts = [secret.reveal() for secret in secrets]
        rotated = [*(secret for secret in new if secret.reveal() not in texts), *secrets]
        for secret in rotated:
            yield _with_secrets(options, path, rotated), _with_secrets(options, path, [secret])


def _secret_lists(options: BaseModel) -> Iterator[tuple[tuple[str, ...], SecretList]]:
    """Every SecretList of options, with the names of the fields that lead to it."""
    for name in type(options).model_fields:
        value = getattr(options, name)
        if isinstance(value, SecretList):
            yield (name,), value
        elif isinstance(value, BaseModel):
            yield from (((name, *path), secrets) for path, secrets in _secret_lists(value))


def _with_secrets(options: BaseModel, path: Sequence[str], secrets: Sequence[Secret]) -> BaseModel:
    """The options with these secrets at a path."""
    name, *rest = path
    value = _with_secrets(getattr(options, name), rest, secrets) if rest else SecretList(secrets)
    changed = options.model_copy(update={name: value})
    for cached in changed.__dict__.keys() - type(options).model_fields.keys():
        del changed.__dict__[cached]  # a key that was parsed from the secrets before
    return changed
