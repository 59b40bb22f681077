"""Options of the audit: where its lines go, and how durable a line is before its token is sent."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from tokend.core.validation import StrictModel, invalid


def _targets(value: object, info: ValidationInfo) -> tuple[str | None, ...]:
    """Paths; None for standard output. Relative paths start at the directory of the configuration."""
    if isinstance(value, tuple):
        return value
    listed: list[Any] = value if isinstance(value, list) else [value]
    if not listed or not all(target == "stdout" or _is_file(target) for target in listed):
        raise invalid("must be stdout, {file: PATH}, or a list of both")
    targets = tuple(None if target == "stdout" else resolved_path(target["file"], info) for target in listed)
    if len(set(targets)) != len(targets):
        raise invalid("names the same target twice")
    return targets


def _is_file(target: Any) -> bool:
    path = target.get("file") if isinstance(target, dict) and target.keys() == {"file"} else None
    return isinstance(path, str) and bool(path) and "\0" not in path


def resolved_path(path: str, info: ValidationInfo) -> str:
    """The path as `config/` resolves it: relative paths start at the directory of the configuration."""
    resolve = (info.context or {}).get("resolve_path")
    return path if resolve is None else str(resolve(path))


class AuditFile(StrictModel):
    """A file that lines are appended to."""

    file: str = Field(
        description="path of the file; a relative path starts at the directory of the configuration",
        examples=["/var/log/tokend/audit.jsonl"],
    )


_Target = Literal["stdout"] | AuditFile


class AuditSettings(StrictModel):
    """Where decisions are written before their tokens are released."""

    to: Annotated[tuple[str | None, ...], PlainValidator(_targets, json_schema_input_type=_Target | list[_Target])] = (
        Field(
            description="where the lines go: stdout, {file: PATH}, or a list of both",
            examples=["stdout", {"file": "/var/log/tokend/audit.jsonl"}],
        )
    )
    sync: Literal["os", "batch", "off"] = Field(
        default="os",
        description=(
            "durability of a line before its token is sent. os: written to the kernel, which survives a "
            "process crash. batch: synced to disk, which survives a power loss. off: buffered for up to "
            "100 ms"
        ),
        examples=["batch"],
    )
    hash_ids: bool = Field(
        default=False, description="write users, channels and other texts of a token as their SHA-256"
    )
