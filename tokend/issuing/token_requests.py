"""An ask held against its app and kind: the right app, a kind that it has, sound fields. No rules here."""

from pydantic import ValidationError

from tokend.backends.contract import Backend
from tokend.core.errors import Code, Refusal
from tokend.core.model import Ask
from tokend.core.validation import Strict, first_complaint, suggestion
from tokend.issuing.configuration import App


def validated(app: App, ask: Ask) -> tuple[Backend, Strict]:
    """The backend and the fields of an ask; `Refusal` (400, 403) that names what is wrong."""
    if ask.app_id is not None and ask.app_id != app.app_id:
        raise Refusal(Code.WRONG_APP, "is not the App ID of this route's app", "app_id")
    backend = app.backends.get(ask.kind)
    if backend is None:
        raise Refusal(Code.INVALID_FIELD, f"must be one of {', '.join(sorted(app.backends))}", "kind")
    try:
        return backend, backend.Fields.model_validate(dict(ask.fields))
    except ValidationError as error:
        first = first_complaint(error, backend.Fields)
        if first.unknown and len(first.path) == 1:
            hint = suggestion(str(first.path[0]), backend.Fields.model_fields)
            raise Refusal(Code.UNKNOWN_FIELD, f"is not a field of {ask.kind}{hint}", str(first.path[0])) from error
        code = Code.UNKNOWN_FIELD if first.unknown else Code.INVALID_FIELD
        sentence = f"is unknown{first.sentence}" if first.unknown else first.sentence
        raise Refusal(code, sentence, ".".join(map(str, first.path)) or None) from error
