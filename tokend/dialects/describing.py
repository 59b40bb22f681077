"""JSON Schemas for the descriptions of endpoints, for the OpenAPI document. `TTL` has the bounds of the route.

Schemas with `examples` are in the example of a request, also where the request may leave them out.
"""

from collections.abc import Mapping
from typing import Any, Final

from tokend.core.errors import Code
from tokend.dialects.agora_fields import ROLES
from tokend.dialects.contract import Description, Schema

STRING: Final[Schema] = {"type": "string"}
TEXT: Final[Schema] = {"type": "string", "minLength": 1}
BOOLEAN: Final[Schema] = {"type": "boolean"}
TTL: Final[Schema] = {"$ref": "#/components/schemas/Ttl"}
UNIX_SECONDS: Final[Schema] = {"type": "integer", "description": "Unix seconds"}
CHANNEL: Final[Schema] = {**TEXT, "description": "Name of the channel", "examples": ["demo-room"]}
USER: Final[Schema] = {**TEXT, "description": "Id of the user", "examples": ["ann"]}
ROLE: Final[Schema] = {
    "type": "string",
    "enum": list(ROLES),
    "description": "What the user may do in the channel: a publisher sends and receives, a subscriber only receives",
    "examples": ["publisher"],
}
ROLE_NUMBER: Final[Schema] = {
    "type": "integer",
    "enum": [1, 2],
    "description": "1 is publisher (the default), 2 is subscriber",
    "examples": [1],
}
UID: Final[Schema] = {
    "type": "integer",
    "minimum": 0,
    "maximum": 4_294_967_295,
    "description": "Numeric id of the user; 0 is any user, which needs a capability",
    "examples": [7],
}
UID_TEXT: Final[Schema] = {
    "type": "string",
    "pattern": "^-?[0-9]{1,10}$",
    "description": "Numeric id of the user, in digits; 0, the default, is any user, which needs a capability",
    "examples": ["7"],
}
TOKEN: Final[Schema] = {"type": "string", "examples": ["007eJxTYFhT…"]}
STATUS: Final[Schema] = {"type": "integer", "enum": sorted({code.status for code in Code})}
REASON: Final[Schema] = {"$ref": "#/components/schemas/ErrorCode"}


def object_of(properties: Mapping[str, Schema], *required: str, closed: bool = True) -> dict[str, Any]:
    """The schema of an object. `closed`: whether it has no further properties."""
    schema = {"type": "object", "properties": dict(properties), "required": list(required)}
    return {**schema, "additionalProperties": False} if closed else schema


def answer_of(*names: str, **more: Schema) -> dict[str, Any]:
    """The schema of what `rendering.tokens_as` renders: tokens under these names, and `more`."""
    clamped = {"type": "integer", "description": "Seconds, where the route shortened the lifetime"}
    return object_of({**dict.fromkeys(names, TOKEN), **more, "ttl": clamped}, *names, *more, closed=False)


def errors_of(properties: Mapping[str, Schema], *required: str) -> dict[str, Any]:
    """The schema of a failed request: `properties`, and the field and the request's id."""
    shared = {"field": {**STRING, "description": "The field that caused the error"}, "request_id": STRING}
    return object_of({**properties, **shared}, *required, "request_id", closed=False)


ERROR: Final = errors_of(
    {"error": STRING, "message": STRING, "status": STATUS, "code": REASON},
    *("error", "message", "status", "code"),
)
"""What `rendering.render_error` renders."""


def in_query(summary: str, /, *required: str, answer: Schema | None = None, **query: Schema) -> Description:
    """An endpoint that reads the query alone. `required`: the parameters that must be there."""
    return Description(summary, query=query, required=required, answer=answer)


def in_body(summary: str, /, *required: str, answer: Schema | None = None, **properties: Schema) -> Description:
    """An endpoint that reads the body alone. `required`: the properties that must be there."""
    return Description(summary, body=object_of(properties, *required), answer=answer)
