"""Settings outside the apps: the server, the audit, the deny file, Redis. Each model is a part of the YAML."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from tokend.auth.key_digests import EXAMPLE_DIGEST, Digest
from tokend.core.durations import Duration
from tokend.core.listening import Listen, parse_address
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, invalid, satisfying
from tokend.issuing.audit_settings import AuditSettings, resolved_path
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


def _listen(value: object) -> Listen:
    if isinstance(value, str) and value.startswith((_UNIX, "/")):
        raise invalid("must be an address and a port; only systemd can give tokend a unix socket, by ListenStream")
    return value if isinstance(value, Listen) else parse_address(str(value))


def _listen_or_socket(value: object) -> Listen | str:
    """An address, or the path of a unix socket."""
    if isinstance(value, Listen):
        return value
    if not isinstance(value, str):
        raise invalid("must be an address and a port, or unix: and a path")
    if value.startswith("/"):
        raise invalid(f"must be an address and a port, or {_UNIX} before the path of a socket")
    if not value.startswith(_UNIX):
        return parse_address(value)
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


_drain = satisfying(lambda seconds: seconds <= MAX_DRAIN, f"is over {MAX_DRAIN} s")


class Admin(StrictModel):
    """The operator's listener."""

    listen: Annotated[Listen | str, PlainValidator(_listen_or_socket, json_schema_input_type=str)] = Field(
        description="address and port, or `unix:` and the absolute path of a socket",
        examples=["127.0.0.1:8081", "unix:/run/tokend.sock"],
    )
    key: Digest | None = Field(
        default=None,
        description=(
            "hash of the operator's key, as `tokend key new` prints it. Default: none. A unix socket "
            "needs none; an address without a key has metrics and health alone"
        ),
        examples=[EXAMPLE_DIGEST],
    )
    details: bool = Field(
        default=False, description="keep the sentences of failed requests for the console; they may hold ids"
    )


_Cap = Annotated[int, Field(ge=1, le=1_000_000)]


class Connections(StrictModel):
    """The most connections that a worker holds."""

    max: _Cap | None = Field(
        default=None,
        description="in total. Default: 10,000, or fewer if the open-file limit requires it",
        examples=[5000],
    )
    per_address: _Cap | None = Field(
        default=None,
        description=(
            "from one address, or from one IPv6 network of 64 bits. A trusted proxy's connections are not"
            " counted. Default: half of max"
        ),
        examples=[500],
    )


class Log(StrictModel):
    """What the log holds, and its format."""

    level: Literal["info", "warning", "error"] = Field(
        default="info",
        description="the least level that is written. A request's line is info, and error from status 500",
        examples=["warning"],
    )
    format: Literal["json", "text"] = Field(
        default="json",
        description="the format: json for programs, text for people. Both are one line for each event",
        examples=["text"],
    )
    requests: Literal["all", "errors", "none"] = Field(
        default="all",
        description=(
            "which requests have a line: all, errors (status 400 and above, and batches in which a token "
            "failed), or none. An internal error always has one"
        ),
        examples=["errors"],
    )


_instance = satisfying(
    lambda name: 1 <= len(name) <= 100 and name.isprintable() and " " not in name,
    "must be a name of 1 to 100 printable characters without blanks",
)


class ServerSettings(StrictModel):
    """The server itself. Only `trusted_proxies`, `on_invalid_app`, `log` and `instance` can change in a reload."""

    listen: Annotated[Listen, PlainValidator(_listen, json_schema_input_type=str)] = Field(
        default=Listen(),
        description=("address and port of the public listener; port 0 means any free port. Default: 127.0.0.1:8080"),
        examples=["0.0.0.0:8080", "[::1]:8080"],
    )
    trusted_proxies: TrustedProxies = Field(
        default=TrustedProxies(),
        description=(
            "proxies whose X-Forwarded-For and forward-auth headers are trusted: addresses, networks, or "
            "unix for a unix socket. Default: none"
        ),
        examples=[["10.0.0.0/8", "fd00::/8", "unix"]],
    )
    admin: Annotated[Admin | None, BeforeValidator(_admin, json_schema_input_type=str | Admin)] = Field(
        default=None,
        description=(
            "the operator's listener, for metrics, reload and the console. An address alone is short for "
            "{listen: ADDRESS}. Default: no such listener"
        ),
        examples=["unix:/run/tokend.sock"],
    )
    workers: Annotated[int, BeforeValidator(_workers, json_schema_input_type=int | Literal["auto"])] = Field(
        default=1,
        description=(
            "processes that serve requests; auto means one for each core. With rate limits, configure "
            "redis too: without it, each worker counts separately"
        ),
        examples=[4, "auto"],
    )
    connections: Connections = Field(default=Connections(), description="the most connections that a worker holds")
    drain: Annotated[Duration, AfterValidator(_drain)] = Field(
        default=0,
        description=("after SIGTERM, how long to keep serving while /readyz returns 503, at most 300s. Default: 0s"),
        examples=["10s"],
    )
    watch: bool = Field(default=False, description="reload when a file of the configuration changes")
    traces: bool = Field(default=False, description="send OpenTelemetry spans; needs the extra tokend[otel]")
    on_invalid_app: Literal["isolate", "refuse"] = Field(
        default="isolate",
        description=(
            "what an invalid app does to the others: isolate serves the valid apps, refuse rejects the "
            "whole configuration"
        ),
        examples=["refuse"],
    )

    log: Log = Field(default=Log(), description="what is logged, and how")
    instance: Annotated[str, AfterValidator(_instance)] | None = Field(
        default=None,
        description=(
            "name of this instance in each line of the log, and of the audit. Default: the host's name in"
            " the log, none in the audit"
        ),
        examples=["web-1"],
    )

    def starts_like(self, other: "ServerSettings") -> bool:
        """Whether all settings are equal that a reload cannot change. `listen` is compared as `Configuration.listen`."""
        reloaded = {"listen", "trusted_proxies", "on_invalid_app", "log", "instance"}
        return self.model_dump(exclude=reloaded) == other.model_dump(exclude=reloaded)


def _file(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise invalid("must be the path of a file")
    return resolved_path(value, info)


class DenySettings(StrictModel):
    """The deny list: who gets no token until an entry ends."""

    file: Annotated[str, PlainValidator(_file, json_schema_input_type=str)] | None = Field(
        default=None,
        description=(
            "path of the deny list's file; a relative path starts at the directory of the configuration. "
            "Default: no file"
        ),
        examples=["deny.jsonl"],
    )
    redis: bool = Field(
        default=False, description="share a deny list in the Redis of `redis`; beside a file, both count"
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.file is None and not self.redis:
            raise invalid("must name a source: file: PATH, or redis: true")
        return self


_redis_url = satisfying(
    lambda url: _REDIS_URL.fullmatch(url.reveal()) is not None,
    "must hold the URL of a Redis server: redis://HOST:PORT, rediss://… with TLS, or unix://PATH; of a cluster: "
    "redis+cluster://HOST:PORT,HOST:PORT; of Sentinels: redis+sentinel://HOST:PORT,HOST:PORT/SERVICE",
)


class RedisSettings(StrictModel):
    """The Redis in which hosts and workers count rate limits together. The URL is a secret: it may hold a password."""

    url: Annotated[Secret, AfterValidator(_redis_url)] = Field(
        description=(
            "a secret that holds redis://HOST:PORT/0, rediss://… for TLS, or unix://PATH. "
            "redis+cluster:// and redis+sentinel:// list several hosts"
        ),
        examples=[{"env": "REDIS_URL"}],
    )
    on_failure: Literal["open", "local", "closed"] = Field(
        default="local",
        description=(
            "while Redis is unavailable: open applies no limits, local counts in each process, closed "
            "answers 503 to requests that have limits"
        ),
        examples=["closed"],
    )


class SecretSettings(StrictModel):
    """How secret files are kept."""

    readable_files: bool = Field(
        default=False,
        description=("accept secret files that their group or others may read, as Docker and Kubernetes mount them"),
    )


class RootOptions(StrictModel):
    """All settings outside the apps. `listen` may be overridden by the environment: see `Configuration.listen`."""

    server: ServerSettings = Field(default=ServerSettings(), description="the server itself")
    audit: AuditSettings | None = Field(
        default=None, description="where decisions are written before their tokens are sent. Default: no audit"
    )
    redis: RedisSettings | None = Field(
        default=None,
        description=(
            "where several hosts and workers count rate limits together. Default: each process counts separately"
        ),
    )
    deny: DenySettings | None = Field(
        default=None, description="the deny list, for temporary blocks. Default: no deny list"
    )
    secrets: SecretSettings = Field(default=SecretSettings(), description="permission checks on secret files")
