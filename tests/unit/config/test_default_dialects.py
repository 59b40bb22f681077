"""The dialects of a route that names none: those of a vendor only if the app has a kind that they issue."""

from pathlib import Path

import pytest

from tests.assembling import assemble
from tests.unit.dialects.small_kind import Connection
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.openapi import openapi

_YAML = """
apps:
  demo:
    app_id: 970CA35de60c44645bbae8a215061b33
    certificate: {{env: CERTIFICATE}}
    backends: {backends}
    callers: {{anybody: {{anonymous: true, rules: [{{user: "*"}}]}}}}
"""


@pytest.mark.parametrize(
    ("backends", "dialects"),
    [
        ("[connection]", ["native"]),
        ("[connection, chat]", ["native", "agora-token-service"]),
        ("[rtc]", ["native", "agora-token-service"]),
        ("{rtc: {backend: connection}}", ["native", "agora-token-service"]),
        ("{stage: {backend: rtc}}", ["native"]),
    ],
)
def test_the_document_of_an_app_without_kinds_of_agora_has_no_paths_of_agora(
    backends: str, dialects: list[str]
) -> None:
    secrets = Secrets({"CERTIFICATE": "5CFd2fd1755d40ecb72977518be15d3b"}, Path())
    text = _YAML.format(backends=backends)
    if "connection]" in backends:
        text = "\n".join(line for line in text.splitlines() if "app_id" not in line and "certificate" not in line)
    (route,) = assemble(parse(text, "config.yaml"), "config.yaml", secrets, {"connection": Connection}).routes
    assert [dialect.name for dialect in route.dialects] == dialects
    paths = openapi(route)["paths"]
    assert "/v1/token" in paths
    assert ("/getToken" in paths) is ("agora-token-service" in dialects)
