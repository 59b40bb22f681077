"""The backend of kind `livekit`: access tokens of LiveKit, JSON Web Tokens signed with an API key's secret (HS256)."""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

import msgspec.json
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from tokend.backends.contract import Backend, Diagnosis, Join, Minted, Reading, Unreadable, VendorAnswers
from tokend.backends.json_web_tokens import MAX_TOKEN, JwtKeys
from tokend.backends.livekit import names
from tokend.backends.livekit.claims import DETAILS, Claims, claim_of, plain
from tokend.backends.livekit.fields import LiveKitFields, LiveKitOptions, checked_identity, is_id
from tokend.core.declarations import OPTIONAL, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, NOTHING, Extent, Grant, Issuance, Service
from tokend.core.validation import StrictModel

_AROUND_CLAIMS: Final = 81
"""Characters of a token beside its claims: header, signature and two full stops."""
MAX_CLAIMS: Final = (MAX_TOKEN - _AROUND_CLAIMS) * 3 // 4
"""Bytes of the claims as JSON, so that the token can be read back."""
_LATEST: Final = Issuance(1 << 32, 0)
_STANDARD: Final = ("participant_kind", "standard")
_OF_PARTICIPANT: Final = ("role", "can_publish", "can_publish_sources", "can_publish_data", "can_subscribe")
_SOURCES: Final = {f"publish_{source}": source for source in names.SOURCES}
_CLAIMS: Final = {name: to_camel(flag.attribute) for name, flag in names.FLAGS.items()}
"""The claim of each flag. It is derived once: that takes as long as a tenth of minting a token."""


class LiveKit(Backend):
    """Mints and reads the access tokens of one LiveKit project."""

    Options: ClassVar[type[StrictModel]] = LiveKitOptions
    Fields: ClassVar[type[StrictModel]] = LiveKitFields
    services: ClassVar = {names.SERVICE: ServiceShape(user=OPTIONAL, channel=OPTIONAL)}
    privileges: ClassVar = names.PRIVILEGES
    details: ClassVar = names.DETAILS
    extras: ClassVar = ("server_url",)
    wildcards: ClassVar = False  # no character of an id is special
    vendor: ClassVar = "livekit"
    example_token: ClassVar = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBUElleGFtcGxlIiwic3ViIjoiYW5uIiwibmJmIjoxNzAwMDAwMDAwLCJleHA"
        "iOjE3MDAwMDM2MDAsInZpZGVvIjp7InJvb20iOiJsb2JieSIsInJvb21Kb2luIjp0cnVlLCJjYW5QdWJsaXNoIjp0cnVlLCJjYW5QdWJsaXN"
        "oRGF0YSI6dHJ1ZSwiY2FuU3Vic2NyaWJlIjp0cnVlfX0.kCOGGV1-T4UsCOoO02CHZokFdzOj510Mnmk7B-qT7Fo"
    )
    test_client: ClassVar = "https://livekit.io/connection-test"
    product_names: ClassVar = {names.SERVICE: "LiveKit"}
    # pkg/service/auth.go of github.com/livekit/livekit 1.13.5
    answers: ClassVar = VendorAnswers(
        unsigned='LiveKit answers 401, "invalid API key" or "invalid authorization token".',
        expired='LiveKit answers 401, "invalid authorization token: … token is expired".',
    )

    options: LiveKitOptions

    @cached_property
    def _keys(self) -> JwtKeys:
        return JwtKeys("HS256", self.options.secret)

    @cached_property
    def _old_keys(self) -> list[tuple[str, JwtKeys]]:
        return [(pair.api_key, JwtKeys("HS256", [pair.secret])) for pair in self.options.old_keys]

    def names_user(self, fields: LiveKitFields) -> bool:
        return fields.identity is not None

    def filled(self, user: str) -> Mapping[str, object]:
        return {"identity": user}

    def grant(self, fields: LiveKitFields, ttl: int, user: str | None = None) -> Grant:
        identity = fields.identity if user is None or fields.identity is not None else checked_identity(user)
        given = fields.model_fields_set
        flags = [name for name in names.FLAGS if name in given and getattr(fields, name)]
        _check(fields, identity, flags)
        privileges = [*(_in_room(fields) if fields.room_join else ()), *flags]
        details = {name: plain(getattr(fields, name)) for name in DETAILS if name in given}
        found = _grant(identity, fields.room, fields.destination_room, privileges, details, ttl)
        if found.services[0].detail.keys() - {names.ANY_SOURCE}:  # without another detail it is short
            self._check_size(found)
        return found

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        return Minted(self._keys.sign(self._claims(grant, issuance)), max(1, grant.ttl // 2), self._extra())

    def read(self, token: str) -> Reading:
        content = self._keys.read(token)
        if content.header.get("alg") != "HS256" or content.header.keys() - {"alg", "typ"}:
            raise Unreadable("not a LiveKit token: its header is another one")
        try:
            # to LiveKit, null is as left out; the Rust SDK writes it for roomConfig
            claims = Claims.model_validate({name: value for name, value in content.claims.items() if value is not None})
        except ValidationError as error:
            raise Unreadable("not a LiveKit token: its claims are others") from error
        grant = _read_grant(claims)
        signed_by = content.signed_by if claims.iss == self.options.api_key else None
        for number, (api_key, keys) in enumerate(self._old_keys):
            if claims.iss == api_key and signed_by is None and keys.read(token).signed_by is not None:
                signed_by = f"old_keys[{number}]"
        return Reading(grant, signed_by, claims.nbf, claims.exp, extra=self._extra())

    def diagnose(self, reading: Reading, join: Join, now: int) -> Diagnosis:
        """Add what a LiveKit server answers to a token that joins no room, or publishes nothing."""
        usual = super().diagnose(reading, join, now)
        problems, notes = list(usual.problems), list(usual.notes)
        privileges = reading.grant.services[0].privileges
        if names.JOIN not in privileges:
            sentence = 'It does not join a room: LiveKit answers a client with 401, "permissions denied".'
            (problems if join.channel or join.user else notes).append(sentence)
        elif not any(name in privileges for name in (names.PUBLISH_ALL, *_SOURCES)):
            notes.append(
                'It publishes no tracks: a client that tries gets "failed to publish track, insufficient permissions".'
            )
        return Diagnosis(tuple(problems), tuple(notes))

    def _claims(self, grant: Grant, issuance: Issuance) -> dict[str, object]:
        """The claims of a grant. Every permission in a room is written, since LiveKit allows what is left out."""
        (service,) = grant.services
        groups: dict[str, dict[str, object]] = {"video": {}}
        video = groups["video"]
        if service.channel is not NOT_APPLICABLE:
            video["room"] = service.channel
        if names.JOIN in service.privileges:
            sources = [source for name, source in _SOURCES.items() if name in service.privileges]
            video["roomJoin"] = True
            video["canPublish"] = names.PUBLISH_ALL in service.privileges or bool(sources)
            video["canPublishData"] = names.PUBLISH_DATA in service.privileges
            video["canSubscribe"] = names.SUBSCRIBE in service.privileges
            if sources:
                video["canPublishSources"] = sources
        for name in service.privileges:
            if (flag := names.FLAGS.get(name)) is not None:
                groups.setdefault(flag.group, {})[_CLAIMS[name]] = True
        if service.more_channels:
            (video["destinationRoom"],) = service.more_channels
        return {
            "iss": self.options.api_key,
            **({} if service.user is NOT_APPLICABLE else {"sub": service.user}),
            "nbf": issuance.issued_at,
            "exp": issuance.issued_at + grant.ttl,
            **dict(claim_of(name, value) for name, value in service.detail.items() if name != names.ANY_SOURCE),
            **{group: claims for group, claims in groups.items() if claims},
        }

    def _extra(self) -> Mapping[str, object]:
        return {"server_url": self.options.url}

    def _check_size(self, grant: Grant) -> None:
        """Raise `ApiError` (400) if the token would be too long to be read back. It names the longest detail."""
        if len(msgspec.json.encode(self._claims(grant, _LATEST))) > MAX_CLAIMS:
            detail = grant.services[0].detail
            longest = max(detail, key=lambda name: len(msgspec.json.encode(detail[name])))
            sentence = f"is too long: all that the token says may have {MAX_CLAIMS} bytes as JSON"
            raise ApiError(Code.INVALID_FIELD, sentence, longest)


def _grant(
    identity: str | None,
    room: str | Extent | None,
    destination: str | None,
    privileges: Iterable[str],
    details: Mapping[str, Any],
    ttl: int,
) -> Grant:
    """The grant of a request and of a token alike. Details that are empty, or say what LiveKit assumes, are left out."""
    given = dict.fromkeys(privileges, ttl)
    detail = {name: value for name, value in details.items() if value and (name, value) != _STANDARD}
    if names.PUBLISH_ALL in given:
        detail[names.ANY_SOURCE] = True
    service = Service(
        names.SERVICE,
        identity or NOT_APPLICABLE,
        room or NOT_APPLICABLE,
        given,
        more_channels=(destination,) if destination else (),
        detail=detail or NOTHING,
    )
    return Grant(None, "livekit", ttl, (service,))


def _in_room(fields: LiveKitFields) -> list[str]:
    """The privileges of a participant. Without a role, a request gives only what it names, and to subscribe."""
    sources = fields.can_publish_sources
    publish = fields.can_publish
    if publish is None:
        publish = fields.role == "publisher" or sources is not None
    return _of_participant(sources or (), publish, fields.can_publish_data, fields.can_subscribe is not False)


def _of_participant(sources: Collection[str], publish: bool, data: bool | None, subscribe: bool) -> list[str]:
    """The privileges of a participant. Without sources, who publishes does so from each. `data`: None is as `publish`."""
    found = [names.JOIN, *(name for name, source in _SOURCES.items() if source in sources)]
    if publish and not sources:
        found.append(names.PUBLISH_ALL)
    if publish if data is None else data:
        found.append(names.PUBLISH_DATA)
    if subscribe:
        found.append(names.SUBSCRIBE)
    return found


def _check(fields: LiveKitFields, identity: str | None, flags: list[str]) -> None:
    """Raise `ApiError` (400) for what is missing, and for fields that do not go together."""
    if fields.room_join:
        if fields.room is None:
            raise _error("room", "is missing")
        if identity is None:
            raise _error("identity", "is missing")
        if fields.can_publish is False and fields.can_publish_sources is not None:
            raise _error("can_publish_sources", "contradicts can_publish: false")
        publishes = fields.can_publish or fields.can_publish_data or fields.can_publish_sources is not None
        if fields.role == "subscriber" and publishes:
            raise _error("role", "contradicts the permission to publish: leave it out, or say publisher")
        if fields.role == "publisher" and fields.can_publish is False and not fields.can_publish_data:
            raise _error("role", "contradicts can_publish: false")
    else:
        _check_of_server(fields, flags)
    if fields.destination_room is not None:
        if not fields.room_admin:
            raise _error("destination_room", "needs room_admin: true")
        if fields.destination_room == fields.room:
            raise _error("destination_room", "must be another room")


def _check_of_server(fields: LiveKitFields, flags: list[str]) -> None:
    """The same for a token that joins no room."""
    of_participant = [name for name in _OF_PARTICIPANT if getattr(fields, name) is not None]
    of_participant += [name for name in flags if names.FLAGS[name].within]
    if of_participant:
        raise _error(of_participant[0], "is only for a participant: it does not go together with room_join: false")
    if fields.room_admin and fields.room is None:
        raise _error("room", "is missing: room_admin is for one room")
    if fields.room is not None and not fields.room_admin:
        raise _error("room", "is only for a token that joins or administers a room")
    other = (fields.agent_endpoint, fields.agent_thread, fields.sha256)
    if not flags and not any(map(plain, other)):
        raise _error("room_join", "must be true, or the request must name what else the token gives")


def _error(field: str, sentence: str) -> ApiError:
    return ApiError(Code.INVALID_FIELD, sentence, field)


def _read_grant(claims: Claims) -> Grant:
    """What a token gives. Raises `Unreadable` for one that no LiveKit server accepts as it is, or that says two things."""
    video, identity = claims.video, claims.sub or None
    if claims.exp <= claims.nbf or claims.iat not in (None, claims.nbf):
        raise Unreadable("not a LiveKit token of this kind: its times do not fit")
    if claims.jti not in ("", claims.sub) or claims.identity not in ("", claims.sub):
        raise Unreadable("it names two identities")
    if not all(is_id(text) for text in (claims.sub, video.room, video.destination_room) if text):
        raise Unreadable("an identity or room is none")
    if video.can_publish_sources and not video.can_publish:
        raise Unreadable("it publishes from some sources, and from none")
    privileges: list[str] = []
    if video.room_join:
        if identity is None:
            raise Unreadable("it joins a room without an identity")
        privileges += _of_participant(
            video.can_publish_sources, video.can_publish, video.can_publish_data, video.can_subscribe
        )
    given = claims.model_fields_set
    for name, flag in names.FLAGS.items():
        if flag.group in given and getattr(getattr(claims, flag.group), flag.attribute):
            privileges.append(name)
    room: str | Extent | None = video.room or (ANY if video.room_join else None)  # a join without a room joins any
    details = {name: plain(getattr(claims, name)) for name in DETAILS if name in given}
    return _grant(identity, room, video.destination_room, privileges, details, claims.exp - claims.nbf)
