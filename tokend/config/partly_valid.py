"""Validates a mapping of the configuration by a model. Wrong keys are reported and left out; the others are kept."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Self, TypeVar, get_args

from pydantic import BaseModel, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from tokend.config.parts import report_all, report_of
from tokend.config.problems import KeyPath, Report
from tokend.config.references import Reference
from tokend.config.yaml_tree import LocatedDict
from tokend.core.validation import StrictModel, known_keys
from tokend.issuing.grants import PLUGIN_ERRORS

NO_VALUE: Final = "has no value: write one, or leave the key out"

M = TypeVar("M", bound=BaseModel)


def partly_valid(
    model: type[M], written: object, at: KeyPath, report: Report, context: Mapping[str, Any] | None = None
) -> M | None:
    """The model of what is written at a place, without its wrong keys. None if the rest is not valid either."""
    written = _with_values(model, written, at, report)
    try:
        return model.model_validate(written, context=context)
    except ValidationError as error:
        broken = report_all(report, at, error, model)
    except PLUGIN_ERRORS as error:
        report.add_after(at, f"cannot be checked: {model.__module__} raised {type(error).__name__}")
        return None
    if not isinstance(written, dict) or "" in broken:
        return None
    try:
        return model.model_validate(
            {key: value for key, value in written.items() if key not in broken}, context=context
        )
    except PLUGIN_ERRORS:  # a required key is missing or wrong
        return None


def _with_values(
    model: type[BaseModel], written: object, at: KeyPath, report: Report, below: tuple[str | int, ...] = ()
) -> object:
    """A copy without the keys that have no value, which are errors: an empty `channel` would permit more than it seems to."""
    if not isinstance(written, dict):
        return written
    empty = any(value is None for value in written.values())
    keys = known_keys(model, below) if empty else ()  # which takes longer than all else here
    found = {}
    for key, value in written.items():
        if value is None and key in keys:
            report.add_broken((*at, *below, key), NO_VALUE)
        else:
            found[key] = _with_values(model, value, at, report, (*below, key))
    return found


class Part(StrictModel):
    """A mapping that stays usable if some of its keys are wrong: they are reported and left out.

    The same holds below a key that has a model of its own. The key's default replaces what cannot be used at all.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _report_and_go_on(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, LocatedDict):
            return handler(value)
        report, written = report_of(info), {}
        for key, below in value.items():
            field = cls.model_fields.get(key)
            if field is not None and below is None:  # an empty `rules` or `channel` would permit more than it seems to
                report.add_broken((*value.path, key), NO_VALUE)
                continue
            model = None if field is None else _model_of(cls, key)
            if model is None or not isinstance(below, LocatedDict):
                written[key] = below
            elif (found := partly_valid(model, below, below.path, report, info.context)) is not None:
                written[key] = found
        try:
            return handler(written)
        except ValidationError as error:
            broken = report_all(report, value.path, error, cls)
        return handler({key: below for key, below in written.items() if key not in broken})


@cache
def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a field's mapping. None for a `Part`, which does the same, and for a reference, which is valid as a whole."""
    field = model.model_fields[key]
    models = (
        kind
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, StrictModel) and not issubclass(kind, Part | Reference)
    )
    return next(models, None)


def part_of(model: BaseModel, base: type[M]) -> M:
    """The fields of `base`, from which the class of the model inherits, without the fields of its own."""
    kept = {name: getattr(model, name) for name in base.model_fields}
    return base.model_construct(model.model_fields_set & kept.keys(), **kept)
