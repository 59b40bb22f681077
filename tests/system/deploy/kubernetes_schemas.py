"""Kubernetes' own schemas, as the package kubernetes-validate ships them, strictly: a field that does not exist is an error."""

from collections.abc import Mapping
from typing import Any, Final

from kubernetes_validate import utils  # type: ignore[import-untyped, import-not-found, unused-ignore]

OLDEST: Final = "1.25"
NEWEST: Final[str] = utils.latest_version()


def check(document: Mapping[str, Any]) -> None:
    """Raises kubernetes_validate's ValidationError if a server of the oldest or newest version would reject it."""
    for version in (OLDEST, NEWEST):
        utils.validate(dict(document), version, strict=True)
