"""Kind `combined`: one token with the services of several other kinds (docs/decisions/0005-combined.md)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import Field, ValidationError

from tokend.backends.agora.apaas import Apaas
from tokend.backends.agora.base import AgoraBackend
from tokend.backends.agora.chat import Chat
from tokend.backends.agora.convoai import ConvoAi
from tokend.backends.agora.fcdn import Fcdn
from tokend.backends.agora.fpa import Fpa
from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc import Rtc
from tokend.backends.agora.rtm import Rtm
from tokend.backends.agora.rtm2 import Rtm2
from tokend.backends.agora.streaming import Streaming
from tokend.backends.agora.stt import Stt
from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials, Grant, Service
from tokend.core.validation import StrictModel, first_field_error

PARTS: Final[Mapping[str, type[AgoraBackend]]] = {
    "rtc": Rtc,
    "rtm": Rtm,
    "chat": Chat,
    "streaming": Streaming,
    "fpa": Fpa,
    "fcdn": Fcdn,
    "apaas": Apaas,
    "rtm2": Rtm2,
    "convoai": ConvoAi,
    "stt": Stt,
}


class CombinedFields(StrictModel):
    """Token requests without ttl, each with its kind. All have the ttl of the token."""

    services: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=10,
        description="Token requests: each has a kind and the fields of that kind, without a ttl",
        examples=[
            [{"kind": "rtc", "channel": "demo-room", "uid": 7, "role": "publisher"}, {"kind": "rtm", "user": "ann"}]
        ],
    )


class Combined(AgoraBackend):
    """Mints tokens with the services of several kinds."""

    Fields: ClassVar[type[StrictModel]] = CombinedFields
    services: ClassVar = shapes(None, *PARTS)
    unlimited_privileges: ClassVar = Fpa.unlimited_privileges

    def __init__(self, options: Any, app_credentials: AppCredentials) -> None:
        super().__init__(options, app_credentials)
        self._parts = {kind: part(part.Options(), app_credentials) for kind, part in PARTS.items()}

    def names_user(self, fields: CombinedFields) -> bool:
        return False  # each part that names no user takes that of the rule

    def filled(self, user: str) -> Mapping[str, object]:
        return {}  # the user stands in the services, whose fields the request has

    def grant(self, fields: CombinedFields, ttl: int, user: str | None = None) -> Grant:
        services = [
            service
            for index, token_request in enumerate(fields.services)
            for service in self._services(index, token_request, ttl, user)
        ]
        return self.grant_of(ttl, *services)

    def _services(
        self, index: int, token_request: Mapping[str, Any], ttl: int, user: str | None
    ) -> tuple[Service, ...]:
        part = self._parts.get(str(token_request.get("kind")))
        if part is None:
            raise ApiError(Code.INVALID_FIELD, f"must have a kind of {', '.join(PARTS)}", f"services.{index}")
        try:
            fields = part.Fields.model_validate(
                {name: value for name, value in token_request.items() if name != "kind"}
            )
        except ValidationError as error:
            first = first_field_error(error, part.Fields)
            where = ".".join(map(str, ("services", index, *first.path)))
            sentence = f"is unknown{first.sentence}" if first.unknown else first.sentence
            raise ApiError(Code.UNKNOWN_FIELD if first.unknown else Code.INVALID_FIELD, sentence, where) from error
        if getattr(fields, "version", "007") != "007":
            raise ApiError(Code.INVALID_FIELD, "must be 007: a 006 token has one service", f"services.{index}.version")
        try:
            return part.grant(fields, ttl, None if part.names_user(fields) else user).services
        except ApiError as api_error:
            where = f"services.{index}" + (f".{api_error.field}" if api_error.field else "")
            raise ApiError(api_error.code, api_error.sentence, where) from api_error
