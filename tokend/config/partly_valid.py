"""Validates a mapping of the configuration by a model. Wrong keys are reported and left out; the others are kept."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from tokend.config.parts import report_all
from tokend.config.problems import KeyPath, Report
from tokend.core.validation import known_keys

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
    if not isinstance(written, dict) or "" in broken:
        return None
    try:
        return model.model_validate(
            {key: value for key, value in written.items() if key not in broken}, context=context
        )
    except ValidationError:  # a required key is missing or wrong
        return None


def _with_values(
    model: type[BaseModel], written: object, at: KeyPath, report: Report, below: tuple[str | int, ...] = ()
) -> object:
    """A copy without the keys that have no value, which are errors: an empty `channel` would permit more than it seems to."""
    if not isinstance(written, dict):
        return written
    keys = known_keys(model, below)
    found = {}
    for key, value in written.items():
        if value is None and key in keys:
            report.add_broken((*at, *below, key), NO_VALUE)
        else:
            found[key] = _with_values(model, value, at, report, (*below, key))
    return found
