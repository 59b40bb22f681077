"""Limits of a rule on details of a token: `fields: {name: "{claims.name}", room_config: true}`.

A text matches as `channel` and `user` do, a list names what is allowed, `true` allows any value, `false` none.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Struct
from pydantic import PlainValidator

from tokend.core.model import Service
from tokend.core.patterns import Pattern, Template, parse_template
from tokend.core.validation import invalid


class FieldLimit(Struct, frozen=True):
    """A limit as it is written. `allowed`: templates and numbers; `any`: whether every value is allowed."""

    any: bool
    allowed: tuple[Template | int, ...] = ()


class BoundLimit(Struct, frozen=True):
    """A limit with the caller's claims inserted."""

    any: bool
    allowed: tuple[Pattern | int, ...] = ()

    @property
    def single(self) -> str | None:
        """The only text that is allowed; None if there are several, or a number."""
        (only,) = self.allowed if len(self.allowed) == 1 else (None,)
        return only.single if isinstance(only, Pattern) else None

    def allows(self, value: object) -> bool:
        """Return whether a value of a detail is allowed. Only `true` allows what is neither text nor a number."""
        if self.any:
            return True
        for allowed in self.allowed:
            if isinstance(allowed, Pattern):
                if isinstance(value, str) and allowed.matches(value):
                    return True
            elif type(value) is int and value == allowed:
                return True
        return False

    def __str__(self) -> str:
        """What a request must do, after the name of the field."""
        if not self.allowed:
            return "may have any value" if self.any else "must be left out"
        return f"may have {' or '.join(map(str, self.allowed))}"


def _parse(value: object) -> FieldLimit:
    if isinstance(value, FieldLimit):
        return value
    if isinstance(value, bool):
        return FieldLimit(value)
    values: list[Any] = value if isinstance(value, list) else [value]
    if not values:
        raise invalid("is an empty list: write false, which allows no value")
    return FieldLimit(False, tuple(map(_allowed, values)))


def _allowed(value: object) -> Template | int:
    if type(value) is int:
        return value
    if not isinstance(value, str):
        raise invalid("must be true, false, a text or whole number, or a list of texts and whole numbers")
    return parse_template(value)


FieldLimits = dict[
    str, Annotated[FieldLimit, PlainValidator(_parse, json_schema_input_type=bool | int | str | list[int | str])]
]


def bind_limits(limits: Mapping[str, FieldLimit], claims: Mapping[str, object]) -> Mapping[str, BoundLimit]:
    """Insert claims. Raises `NotApplicable` if one is missing or cannot be inserted."""
    return {
        name: BoundLimit(
            limit.any,
            tuple(allowed.bind(claims) if isinstance(allowed, Template) else allowed for allowed in limit.allowed),
        )
        for name, limit in limits.items()
    }


def unmet_fields(limits: Mapping[str, BoundLimit], services: Iterable[Service]) -> dict[str, str]:
    """Return a sentence for each detail of which the limits do not allow a value. A detail without a limit is allowed."""
    return {
        name: f"field {name} {limits[name]}"
        for service in services
        for name, value in service.detail.items()
        if name in limits and not limits[name].allows(value)
    }
