"""Checks the App ID, kind and fields of a token request against its app. Rules are checked elsewhere."""

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.core.errors import ApiError, Code
from tokend.core.model import TokenRequest
from tokend.core.validation import StrictModel, first_field_error, redact_secrets, suggestion
from tokend.issuing.configuration import App


def validated(app: App, token_request: TokenRequest) -> tuple[Backend, StrictModel]:
    """The backend and the fields of a token request. Raises `ApiError` (400, 403), which names what is wrong."""
    if token_request.app_id is not None and token_request.app_id != app.app_id:
        raise ApiError(Code.WRONG_APP, "is not the App ID of this route's app", "app_id")
    backend = app.backends.get(token_request.kind)
    if backend is None:
        kinds = ", ".join(sorted(app.backends))
        if "kind" in token_request.names:
            raise ApiError(Code.INVALID_FIELD, f"must be one of {kinds}", "kind")
        raise ApiError(
            Code.INVALID_FIELD, f"this app has no tokens of kind {redact_secrets(token_request.kind)}; it has {kinds}"
        )
    try:
        return backend, backend.Fields.model_validate(dict(token_request.fields))
    except ValidationError as error:
        first = first_field_error(error, backend.Fields)
        if first.unknown and len(first.path) == 1:
            hint = suggestion(str(first.path[0]), backend.Fields.model_fields)
            raise ApiError(
                Code.UNKNOWN_FIELD, f"is not a field of {token_request.kind}{hint}", str(first.path[0])
            ) from error
        code = Code.UNKNOWN_FIELD if first.unknown else Code.INVALID_FIELD
        sentence = f"is unknown{first.sentence}" if first.unknown else first.sentence
        raise ApiError(code, sentence, ".".join(map(str, first.path)) or None) from error
