"""Settings outside the apps: the server, the audit, the deny file, Redis. Each model is a part of the YAML."""

import re
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from tokend.auth.key_digests import Digest
from tokend.core.addresses import host_and_port
from tokend.core.durations import Duration
from tokend.core.listening import LISTEN, reachable, url_of
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, invalid
from tokend.issuing.trusted_proxies import TrustedProxies

MAX_WORKERS: Final = 256
MAX_DRAIN: Final = 300
"""Seconds. Service managers do not wait longer."""
_UNIX: Final = "unix:"
_REDIS_HOSTS: Final = r"([^\s/?#]+@)?[^\s@,/?#]+(,[^\s@,/?#]+)*"
_REDIS_URL: Final = re.compile(
    r"(rediss?|unix)://[!-~]+"
    rf"|rediss?\+cluster://{_REDIS_HOSTS}(/0?)?(\?[!-~]*)?"
    rf"|rediss?\+sentinel://{_REDIS_HOSTS}/[^\s/?#]+(/[0-9]*)?(\?[!-~]*)?",
    re.ASCII,
)


class Listen(Struct, frozen=True):
    """The address and port on which the server listens."""

    host: str = LISTEN[0]
    port: int = LISTEN[1]

    @property
    def reachable(self) -> str:
        """The address for clients on this machine: loopback in place of a wildcard."""
        return reachable(self.host)

    @property
    def url(self) -> str:
        """The base URL for clients on this machine."""
        return url_of((self.host, self.port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def _listen(value: object) -> Listen:
    return value if isinstance(value, Listen) else Listen(*host_and_port(str(value)))


def _listen_or_socket(value: object) -> Listen | str:
    """An address, or the path of a unix socket."""
    if isinstance(value, Listen):
        return value
    if not isinstance(value, str):
        raise invalid("must be an address and a port, or unix: and a path")
    if not value.startswith(_UNIX):
        return _listen(value)
    if not value.startswith(f"{_UNIX}/"):
        raise invalid("must be unix: and an absolute path, such as unix:/run/tokend.sock")
    return value.removeprefix(_UNIX)


def _admin(value: object) -> object:
    """Expand an address alone to `{listen: ADDRESS}`."""
    if isinstance(value, dict | Admin):
        return value
    if not isinstance(value, str):
        raise invalid("must be an address such as 127.0.0.1:8081, unix:/run/tokend.sock, or {listen: …, key: …}")
    return {"listen": value}


def _workers(value: object) -> object:
    if value == "auto":
        return 0
    if type(value) is not int or not 1 <= value <= MAX_WORKERS:
        raise invalid(f"must be auto, or a number from 1 to {MAX_WORKERS}")
    return value


def _drain(seconds: int) -> int:
    if seconds > MAX_DRAIN:
        raise invalid(f"is over {MAX_DRAIN} s")
    return seconds


class Admin(StrictModel):
    """The operator's listener."""

    listen: Annotated[Listen | str, PlainValidator(_listen_or_socket, json_schema_input_type=str)] = Field(
        description="address and port, or unix: and the path of a socket"
    )
    key: Digest | None = Field(
        default=None, description="digest of the key for all but metrics and health; a unix socket needs none"
    )
    details: bool = Field(
        default=False, description="keep the sentences of failed requests for the console; they may hold ids"
    )


_Cap = Annotated[int, Field(ge=1, le=1_000_000)]


class Connections(StrictModel):
    """The most connections that a worker holds."""

    max: _Cap | None = Field(default=None, description="in all; left out, as many as the descriptor limit allows")
    per_address: _Cap | None = Field(
        default=None, description="from one address, or one IPv6 network of 64 bits; left out, half of all"
    )


class Log(StrictModel):
    """What the log holds, and its format."""

    level: Literal["info", "warning", "error"] = Field(
        default="info", description="the least level that is written; requests are info, and error from status 500"
    )
    format: Literal["json", "text"] = Field(
        default="json", description="json for programs, text for people; both are one line for each event"
    )
    requests: Literal["all", "errors", "none"] = Field(
        default="all",
        description="which requests have a line; errors: status 400 and above, and batches in which a token failed",
    )


def _instance(name: str) -> str:
    if not 1 <= len(name) <= 100 or not name.isprintable() or " " in name:
        raise invalid("must be a name of 1 to 100 printable characters without blanks")
    return name


class ServerSettings(StrictModel):
    """The server itself. Only `trusted_proxies`, `on_invalid_app`, `log` and `instance` can change in a reload."""

    listen: Annotated[Listen, PlainValidator(_listen, json_schema_input_type=str)] = Field(
        default=Listen(), description="address and port of the public listener, such as 0.0.0.0:8080"
    )
    trusted_proxies: TrustedProxies = Field(
        default=TrustedProxies(),
        description="addresses or networks of proxies whose headers count, or unix for those on a unix socket",
    )
    admin: Annotated[Admin | None, BeforeValidator(_admin, json_schema_input_type=str | Admin)] = Field(
        default=None, description="the operator's listener: metrics, reload, configuration in force"
    )
    workers: Annotated[int, BeforeValidator(_workers, json_schema_input_type=int | Literal["auto"])] = Field(
        default=1, description="number of worker processes; auto is one for each core"
    )
    connections: Connections = Field(default=Connections(), description="the most connections that a worker holds")
    drain: Annotated[Duration, AfterValidator(_drain)] = Field(
        default=0, description="how long the server still takes requests after it is told to stop"
    )
    watch: bool = Field(default=False, description="reload when a file of the configuration changes")
    traces: bool = Field(default=False, description="send OpenTelemetry traces; needs the extra tokend[otel]")
    on_invalid_app: Literal["isolate", "refuse"] = Field(
        default="isolate",
        description="whether an invalid app is left out by itself, or the whole configuration is refused",
    )

    log: Log = Field(default=Log(), description="what the log holds, and its format")
    instance: Annotated[str, AfterValidator(_instance)] | None = Field(
        default=None,
        description="name of this instance in each line of log and audit; left out, the host's name in the log alone",
    )

    def starts_like(self, other: "ServerSettings") -> bool:
        """Whether all settings are equal that a reload cannot change. `listen` is compared as `Configuration.listen`."""
        reloaded = {"listen", "trusted_proxies", "on_invalid_app", "log", "instance"}
        return self.model_dump(exclude=reloaded) == other.model_dump(exclude=reloaded)


def _targets(value: object, info: ValidationInfo) -> tuple[str | None, ...]:
    """Paths; None for standard output. Relative paths start at the directory of the configuration."""
    if isinstance(value, tuple):
        return value
    listed: list[Any] = value if isinstance(value, list) else [value]
    if not listed or not all(target == "stdout" or _is_file(target) for target in listed):
        raise invalid("must be stdout, {file: PATH}, or a list of both")
    return tuple(None if target == "stdout" else _resolved(target["file"], info) for target in listed)


def _is_file(target: Any) -> bool:
    path = target.get("file") if isinstance(target, dict) and target.keys() == {"file"} else None
    return isinstance(path, str) and bool(path) and "\0" not in path


def _resolved(path: str, info: ValidationInfo) -> str:
    """The path as `config/` resolves it: relative paths start at the directory of the configuration."""
    resolve = (info.context or {}).get("resolve_path")
    return path if resolve is None else str(resolve(path))


class AuditFile(StrictModel):
    """A file that lines are appended to."""

    file: str = Field(description="path of the file")


_Target = Literal["stdout"] | AuditFile


class AuditSettings(StrictModel):
    """Where decisions are written before their tokens are released."""

    to: Annotated[tuple[str | None, ...], PlainValidator(_targets, json_schema_input_type=_Target | list[_Target])] = (
        Field(description="stdout, {file: PATH}, or a list of both")
    )
    sync: Literal["os", "batch", "off"] = Field(
        default="os", description="os hands lines to the kernel, batch also waits for the disk, off waits for neither"
    )
    hash_ids: bool = Field(default=False, description="write digests of users and channels in place of their names")


def _file(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise invalid("must be the path of a file")
    return _resolved(value, info)


class DenySettings(StrictModel):
    """Who gets no tokens at present."""

    file: Annotated[str, PlainValidator(_file, json_schema_input_type=str)] | None = Field(
        default=None, description="the path of the deny file"
    )
    redis: bool = Field(
        default=False, description="share a deny list in the Redis of `redis`; beside a file, both count"
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.file is None and not self.redis:
            raise invalid("must name a source: file: PATH, or redis: true")
        return self


def _redis_url(url: Secret) -> Secret:
    if _REDIS_URL.fullmatch(url.reveal()) is None:
        raise invalid(
            "must hold the URL of a Redis server: redis://HOST:PORT, rediss://… with TLS, or unix://PATH; of a cluster: "
            "redis+cluster://HOST:PORT,HOST:PORT; of Sentinels: redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"
        )
    return url


class RedisSettings(StrictModel):
    """The Redis in which hosts and workers count rate limits together. The URL is a secret: it may hold a password."""

    url: Annotated[Secret, AfterValidator(_redis_url)] = Field(
        description="{env: NAME} or {file: PATH} that holds redis://HOST:PORT, redis+cluster://… or redis+sentinel://…"
    )
    on_failure: Literal["open", "local", "closed"] = Field(
        default="local",
        description="while Redis fails: open has no limits, local counts in each process, closed issues nothing",
    )


class SecretSettings(StrictModel):
    """How secret files are kept."""

    readable_files: bool = Field(default=False, description="accept secret files that group or others may read")


def _with_its_redis(deny: DenySettings | None, info: ValidationInfo) -> DenySettings | None:
    if deny is not None and deny.redis and info.data.get("redis", deny) is None:  # an invalid one has its own error
        raise invalid("redis: true needs a Redis: add redis: {url: {env: REDIS_URL}} beside deny")
    return deny


class RootOptions(StrictModel):
    """All settings outside the apps. `listen` may be overridden by the environment: see `Configuration.listen`."""

    server: ServerSettings = Field(default=ServerSettings(), description="the server itself")
    audit: AuditSettings | None = Field(
        default=None, description="where decisions are written before their tokens leave"
    )
    redis: RedisSettings | None = Field(
        default=None, description="where several hosts and workers count rate limits together"
    )
    deny: Annotated[DenySettings | None, AfterValidator(_with_its_redis)] = Field(
        default=None, description="who is shut out at present"
    )
    secrets: SecretSettings = Field(default=SecretSettings(), description="how secret files are kept")
