"""AccessToken2, version 007: ten service types, several services in a token, one HMAC-SHA256 signature.

token        = "007" + base64( zlib( string(signature) + signing_info ) )
signing_info = string(app_id) u32 issue_ts u32 expire u32 salt u16 count service*
service      = u16 type, map(privileges), values of that type (LAYOUTS)

Source: the npm package agora-token 2.0.6 and the builders in github.com/AgoraIO/Tools. Integers are little-endian.
"""

import hmac
import zlib
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from tokend.backends.agora.packing import (
    Unpacker,
    WireError,
    from_base64,
    pack_bytes,
    pack_i16,
    pack_map,
    pack_numbers,
    pack_string,
    pack_u16,
    pack_u32,
    to_base64,
)

VERSION: Final = "007"
_NUMBERS: Final = "<IIIH"  # issue_ts, expire, salt, count
MAX_TOKEN: Final = 8 * 1024
"""Characters of the longest token text that is read."""
MAX_INFLATED: Final = 64 * 1024
"""Bytes after decompression."""
MAX_SERVICES: Final = 64
"""Services in a token. No builder of Agora writes as many; a token made to waste time could hold thousands."""
MAX_PRIVILEGES: Final = 64
"""Privileges of a service. Agora defines at most four; the rest is room for new ones."""
MAX_RESOURCES: Final = 1024
"""Resource types, permissions and resources of a service together. A token request names at most 1015."""

Permissions = Mapping[int, Mapping[int, tuple[str, ...]]]
Value = str | int | Permissions

# The values that follow the privileges, by service type.
LAYOUTS: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("string", "string"),  # RTC: channel, uid
    2: ("string",),  # RTM: user
    3: ("string", "string"),  # Streaming: channel, account
    4: (),  # FPA
    5: ("string",),  # Chat: user
    6: ("string", "string"),  # FCDN: channel, account
    7: ("string", "string", "i16"),  # APaaS: room, user, role (-1: none)
    8: ("string", "permissions"),  # RTM2: user, resource type -> permission -> resources
    9: (),  # Conversational AI
    10: (),  # Speech-to-text
}


class Service(Struct, frozen=True):
    """A service as encoded: privileges map a number to seconds from the issue time; LAYOUTS gives the types of values."""

    type: int
    privileges: Mapping[int, int]
    values: tuple[Any, ...]


class Content(Struct, frozen=True):
    """Everything that the signature covers. `issue_ts` is in Unix seconds, `expire` in seconds from it."""

    app_id: str
    issue_ts: int
    expire: int
    salt: int
    services: tuple[Service, ...]


class Decoded(Struct, frozen=True):
    """A decoded token, not verified. `unread` holds the bytes from the first unknown service type on."""

    content: Content
    signature: bytes
    signed: bytes
    unread: bytes


def encode(content: Content, certificate: str, derived_key: bytes | None = None) -> str:
    """Return the signed token, with services in ascending order of type.

    `derived_key` is the `time_key` of this issue time and certificate, if the caller knows it already.
    Raises `WireError` if the format cannot encode the content.
    """
    signed = pack(content)
    signature = _sign(signed, content.salt, derived_key or time_key(content.issue_ts, certificate))
    return VERSION + to_base64(_deflated(pack_bytes(signature) + signed))


def decode(token: str) -> Decoded:
    """Decode a token without verifying it. Raises `WireError` for other text, over 8 KiB, or over 64 KiB inflated."""
    if not token.startswith(VERSION):
        raise WireError("not a 007 token")
    if len(token) > MAX_TOKEN:
        raise WireError("longer than any token: over 8 KiB")
    whole = Unpacker(_inflate(from_base64(token[len(VERSION) :], after=VERSION)))
    signature = whole.bytes_()
    signed = whole.rest
    content, unread = _unpack(signed)
    return Decoded(content, signature, signed, unread)


def verifies(decoded: Decoded, certificate: str) -> bool:
    """Return whether the certificate signed the token."""
    expected = sign(decoded.signed, decoded.content.issue_ts, decoded.content.salt, certificate)
    return hmac.compare_digest(expected, decoded.signature)


def sign(signed: bytes, issue_ts: int, salt: int, certificate: str) -> bytes:
    """Return the signature, 32 bytes. Issue time and then salt derive the key from the certificate."""
    return _sign(signed, salt, time_key(issue_ts, certificate))


def time_key(issue_ts: int, certificate: str) -> bytes:
    """Return the first of the two derived keys. All tokens of a second share it."""
    return hmac.digest(pack_u32(issue_ts), certificate.encode(), "sha256")


def _sign(signed: bytes, salt: int, derived_key: bytes) -> bytes:
    return hmac.digest(hmac.digest(pack_u32(salt), derived_key, "sha256"), signed, "sha256")


def pack(content: Content) -> bytes:
    """Return the bytes that are signed. Raises `WireError` for a value out of range."""
    services = content.services
    numbers = pack_numbers(_NUMBERS, content.issue_ts, content.expire, content.salt, len(services))
    packed = [pack_string(content.app_id), numbers]
    # sorted() is stable: services of the same type keep their order
    for service in sorted(services, key=_type) if len(services) > 1 else services:
        packed += (pack_u16(service.type), pack_map(service.privileges))
        for value_type, value in zip(LAYOUTS[service.type], service.values, strict=True):
            packed.append(_PACK[value_type](value))
    return b"".join(packed)


_type: Final = attrgetter("type")


def _pack_permissions(permissions: Permissions) -> bytes:
    packed = [pack_u16(len(permissions))]
    for resource_type in sorted(permissions):
        by_permission = permissions[resource_type]
        packed += [pack_u16(resource_type), pack_u16(len(by_permission))]
        for permission in sorted(by_permission):
            resources = by_permission[permission]
            packed += [pack_u16(permission), pack_u16(len(resources)), *map(pack_string, resources)]
    return b"".join(packed)


def _unpack(signed: bytes) -> tuple[Content, bytes]:
    reader = Unpacker(signed)
    app_id = reader.string()
    issue_ts, expire, salt, count = reader.numbers(_NUMBERS)
    services: list[Service] = []
    if count > MAX_SERVICES:
        raise WireError(f"the token holds over {MAX_SERVICES} services")
    for _ in range(count):
        service_type = reader.u16()
        layout = LAYOUTS.get(service_type)
        if layout is None:
            return Content(app_id, issue_ts, expire, salt, tuple(services)), pack_u16(service_type) + reader.rest
        privileges = reader.map_()
        if len(privileges) > MAX_PRIVILEGES:
            raise WireError(f"a service of the token holds over {MAX_PRIVILEGES} privileges")
        values = tuple([_UNPACK[value_type](reader) for value_type in layout])
        services.append(Service(service_type, privileges, values))
    return Content(app_id, issue_ts, expire, salt, tuple(services)), reader.rest


def _unpack_permissions(reader: Unpacker) -> dict[int, dict[int, tuple[str, ...]]]:
    permissions: dict[int, dict[int, tuple[str, ...]]] = {}
    count = 0
    for _ in range(reader.u16()):
        resource_type = reader.u16()
        count += 1
        _check_resources(count)
        if resource_type in permissions:
            raise WireError("a resource type is given twice in the token")
        by_permission = permissions[resource_type] = {}
        for _ in range(reader.u16()):
            permission = reader.u16()
            if permission in by_permission:
                raise WireError("a permission is given twice in the token")
            resources = reader.u16()
            count += 1 + resources
            _check_resources(count)
            by_permission[permission] = tuple(reader.string() for _ in range(resources))
    return permissions


def _check_resources(count: int) -> None:
    if count > MAX_RESOURCES:
        raise WireError(f"a service of the token holds over {MAX_RESOURCES} resources")


# by the type of a value in LAYOUTS
_PACK: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "string": pack_string,
    "i16": pack_i16,
    "permissions": _pack_permissions,
}
_UNPACK: Final[Mapping[str, Callable[[Unpacker], Value]]] = {
    "string": Unpacker.string,
    "i16": Unpacker.i16,
    "permissions": _unpack_permissions,
}


def _deflated(raw: bytes) -> bytes:
    """Compress as `zlib.compress` does, with a quarter of its tables: to clear them costs more than to use them."""
    deflater = zlib.compressobj(memLevel=6)
    return deflater.compress(raw) + deflater.flush()


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, MAX_INFLATED)
    except zlib.error as error:
        raise WireError("damaged: the token does not inflate") from error
    if not inflater.eof:
        raise WireError("damaged: the token is cut short or inflates to over 64 KiB")
    if inflater.unused_data:
        raise WireError("damaged: something follows the token")
    return raw
