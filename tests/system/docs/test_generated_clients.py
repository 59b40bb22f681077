"""Clients that openapi-typescript and openapi-python-client generate compile, and get tokens with a lifetime."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import skip_or_fail
from tests.oracle import HERE
from tests.running import clean_environment, serving
from tests.unit.http.running import CERTIFICATE, KINDS
from tests.unit.http.test_documents import EVERY_DIALECT

_PREFIXES: Final = ("/all", "/guide", "/node")
_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "rtc": {"channel": "stage", "uid": 7},
    "rtm": {"user": "ada"},
    "chat": {"user": "ada"},
    "streaming": {"channel": "stage", "uid": 7},
    "fpa": {},
    "fcdn": {"channel": "stage", "uid": 7},
    "apaas": {"user": "ada"},
    "rtm2": {"user": "ada"},
    "rtc_rtm": {"channel": "stage", "uid": 7},
    "convoai": {"channel": "stage", "uid": 7},
    "stt": {"channel": "stage", "uid": 7},
    "combined": {"services": [{"kind": "fpa"}]},
}
_TTL_NAMES: Final = {"ttl", "expiry", "expireTime", "expire", "expireTimeInSeconds", "expireSeconds", "tokenExpireTs"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("clients")
    (directory / "config.yaml").write_text(EVERY_DIALECT)
    with serving(directory, {"CERTIFICATE": CERTIFICATE}) as server:
        yield server.url


def _document(url: str, prefix: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}{prefix}/openapi.json", timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def _value(schema: dict[str, Any], name: str) -> Any:
    """A value for a field of a dialect."""
    if name in _TTL_NAMES:
        return 600
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "integer":
            return 7
        case "array":
            return [_value(schema["items"], name)]
    return "7"


def _sources(document: dict[str, Any]) -> str:
    """A program in TypeScript with a request of each kind and of each dialect route, each with a lifetime where it has one."""
    lines = ['import type { components, paths } from "./schema";', "export const requests: unknown[] = [];"]
    for kind in KINDS:
        body = json.dumps({"kind": kind, **_FIELDS[kind], "ttl": 600})
        lines.append(f'{{ const body: components["schemas"]["{kind}"] = {body}; requests.push(body); }}')
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f'paths["{path}"]["{method}"]'
            if "parameters" in operation:
                sent: dict[str, dict[str, Any]] = {}
                for parameter in operation["parameters"]:
                    if parameter["required"] or parameter["name"] in _TTL_NAMES:
                        value = _value(parameter["schema"], parameter["name"])
                        sent.setdefault(parameter["in"], {})[parameter["name"]] = value
                lines.append(f'{{ const sent: {place}["parameters"] = {json.dumps(sent)}; requests.push(sent); }}')
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                schema = content["schema"]
                if "$ref" in schema or "servers" in operation:
                    continue
                values = {
                    name: _value(of_name, name)
                    for name, of_name in schema["properties"].items()
                    if name in schema["required"] or name in _TTL_NAMES
                }
                body_type = f'NonNullable<{place}["requestBody"]>["content"]["{media}"]'
                lines.append(f"{{ const body: {body_type} = {json.dumps(values)}; requests.push(body); }}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("prefix", _PREFIXES)
def test_a_client_of_openapi_typescript_compiles(url: str, prefix: str, tmp_path: Path) -> None:
    tools = HERE / "node_modules" / ".bin"
    if not (tools / "openapi-typescript").exists():
        skip_or_fail("openapi-typescript is not installed: make test installs tests/node")
    document = _document(url, prefix)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "client.ts").write_text(_sources(document))
    _run(str(tools / "openapi-typescript"), "openapi.json", "-o", "schema.ts", directory=tmp_path)
    _run(str(tools / "tsc"), "--strict", "--noEmit", "client.ts", directory=tmp_path)


def test_a_client_of_openapi_python_client_gets_tokens(url: str, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(_document(url, "/all")))
    generate = ("generate", "--path", "openapi.json", "--output-path", "generated", "--meta", "none")
    printed = _run(sys.executable, "-m", "openapi_python_client", *generate, directory=tmp_path)
    assert "WARNING" not in printed, printed
    program = f"""
import importlib, json
from generated import Client, models
client = Client(base_url="{url}/all")
token = importlib.import_module("generated.api.native.native_post_v1_token")
for kind, fields in json.loads('''{json.dumps(_FIELDS)}''').items():
    model = getattr(models, "".join(part.capitalize() for part in kind.split("_")))
    answer = token.sync(client=client, body=model.from_dict({{"kind": kind, **fields, "ttl": 600}}))
    assert answer.token and answer.ttl == 600, answer
chat = importlib.import_module("generated.api.agora_token_service.agora_token_service_get_chat_account_chatid")
assert chat.sync("ada", client=client, expiry=600).chat_token.startswith("007")
print("ok")
"""
    assert _run(sys.executable, "-c", program, directory=tmp_path).strip().endswith("ok")


def _run(*command: str, directory: Path) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command[:4]}: {done.stdout[-3_000:]}"
    return done.stdout
