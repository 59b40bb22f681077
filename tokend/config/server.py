"""`server`: where it listens, for whom, and how it starts and stops. Its shape, and the settings that follow from it."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from tokend.auth.key_digests import Digest
from tokend.config.parts import Part
from tokend.config.problems import Report
from tokend.config.values import Listen, OneOrMore, Proxy, host_and_port
from tokend.core.durations import Duration
from tokend.core.validation import StrictModel, invalid
from tokend.issuing.configuration import Admin, ServerSettings
from tokend.issuing.configuration import Listen as Address

_UNIX: Final = "unix:"
MAX_WORKERS: Final = 256
MAX_DRAIN: Final = 300
"""Seconds: service managers lose their patience earlier."""


def _admin(value: object) -> object:
    """An address alone stands for `{listen: ADDRESS}`."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise invalid("must be an address such as 127.0.0.1:8081, unix:/run/tokend.sock, or {listen: …, key: …}")
    return {"listen": value}


def _admin_address(value: object) -> object:
    if not isinstance(value, str):
        raise invalid("must be an address and a port, or unix: and a path")
    if value.startswith(_UNIX):
        if not value.removeprefix(_UNIX).startswith("/"):
            raise invalid("must be unix: and an absolute path, such as unix:/run/tokend.sock")
        return value
    host_and_port(value)
    return value


def _workers(value: object) -> object:
    if value == "auto":
        return 0
    if type(value) is not int or not 1 <= value <= MAX_WORKERS:
        raise invalid(f"must be auto, or a number from 1 to {MAX_WORKERS}")
    return value


class AdminShape(StrictModel):
    """The operator's listener; `key` is the digest of what opens `/-/reload` and `/-/config` from other machines."""

    listen: Annotated[str, BeforeValidator(_admin_address, json_schema_input_type=str)]
    key: Digest | None = None


class ConnectionsShape(Part):
    """The most connections that one worker holds, in all and from one address."""

    max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    per_address: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ServerShape(Part):
    """The server itself."""

    listen: Listen | None = None
    trusted_proxies: OneOrMore[Proxy] | None = None
    admin: Annotated[AdminShape, BeforeValidator(_admin, json_schema_input_type=str | AdminShape)] | None = None
    workers: Annotated[int, BeforeValidator(_workers, json_schema_input_type=int | Literal["auto"])] | None = None
    connections: ConnectionsShape | None = None
    drain: Duration | None = None
    watch: bool | None = None
    traces: bool | None = None


def build_server(shape: ServerShape | None, report: Report) -> ServerSettings:
    """The settings, with what is not written as it is built in."""
    if shape is None:
        return ServerSettings()
    if shape.drain is not None and shape.drain > MAX_DRAIN:
        report.add_after(("server", "drain"), f"is over {MAX_DRAIN} s")
    connections = shape.connections or ConnectionsShape()
    return ServerSettings(
        admin=None if shape.admin is None else admin_of(shape.admin),
        workers=1 if shape.workers is None else shape.workers,
        connections=connections.max,
        per_address=connections.per_address,
        drain=shape.drain or 0,
        watch=bool(shape.watch),
        traces=bool(shape.traces),
    )


def admin_of(shape: AdminShape) -> Admin:
    """The settings of the operator's listener."""
    if shape.listen.startswith(_UNIX):
        return Admin(None, shape.listen.removeprefix(_UNIX), shape.key)
    return Admin(Address(*host_and_port(shape.listen)), None, shape.key)
