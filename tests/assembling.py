"""A configuration from a tree that a test holds, without files."""

from collections.abc import Mapping
from unittest.mock import patch

from tokend.backends.contract import Backend
from tokend.config.assemble import assemble_apps
from tokend.config.entry_points import BACKENDS
from tokend.config.isolation import isolate
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import LocatedDict
from tokend.issuing.configuration import Configuration


def assemble(
    root: LocatedDict, source: str, secrets: Secrets, backends: Mapping[str, type[Backend]] = {}
) -> Configuration:
    """The configuration of a tree whose apps are not merged yet. Raises `ConfigurationError` with all that is wrong.

    `backends`: those that are not installed, by name.
    """
    load = BACKENDS.load
    with patch.object(BACKENDS, "load", lambda name: backends.get(name) or load(name)):
        assembled = assemble_apps(root, source, secrets)
    isolated = isolate(assembled, {})
    if isolated.problems:
        raise ConfigurationError(list(isolated.problems))
    return isolated.configuration
