"""What the tests of vendors' packages share: their pages, mistakes in process, and a server on loopback as people run it."""

import json
import re
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.assembling import assemble
from tests.running import ROOT, serving
from tests.unit.http.running import Serving
from tokend.auth.key_digests import digest_of
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration

Mistake = tuple[dict[str, object], int, str | None, str]
"""A change of a correct request; the status of the answer, the field that it names, and words of its sentence."""
EYJ: Final = "eyJ…"
"""A JWT as pages show it."""
SHOWN_DIGEST: Final = "sha256:bd44ec5745b1645b6c11c5ec0d7b6c5c676caf7f3437471cb18c0a8c04bc0bca"
"""The digest of an API key as pages show it. Nobody has the key, so tests put the digest of `YOUR_KEY` in its place."""
YOUR_KEY: Final = "YOUR-KEY"
"""The API key as requests on pages show it."""


def page(vendor: str) -> str:
    """The text of `docs/vendors/<vendor>.md`."""
    return (ROOT / "docs/vendors" / f"{vendor}.md").read_text("utf-8")


def blocks(text: str, form: str) -> list[str]:
    """The blocks of a page that are of this form, such as yaml."""
    return re.findall(rf"^```{form}\n(.*?)^```$", text, re.M | re.S)


def example(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first request on a page, as `POST /demo/v1/token` with a body, and the answer that the page shows."""
    (body,) = re.findall(r"^`POST /demo/v1/token` with `(.*?)`\s", text, re.M)[:1]
    return json.loads(body), json.loads(blocks(text, "json")[0])


def configuration(text: str, secrets: Mapping[str, str]) -> Configuration:
    """The configuration of a YAML text, with the backends that are installed. `secrets`: values of `{env: …}`."""
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets(secrets, Path()))


def short(value: object) -> str:
    """The start of a value, as the id of a test."""
    return str(value)[:40]


async def check_mistake(
    in_process: Serving,
    app: Configuration,
    fields: Mapping[str, object],
    mistake: Mistake,
    *,
    path: str = "/v1/token",
    piece: bytes = b"eyJ",
    correct: Mapping[str, object] | None = None,
) -> None:
    """The mistake is answered with its status, field and words, and without a token; the request without it gets one.

    `piece`: what every token of the kind contains. `correct`: the request that gets a token, if not `fields`.
    """
    change, status, field, words = mistake
    async with in_process(app) as server:
        reply = await server.token_request("POST", path, {**fields, **change})
        assert (reply.status, reply.json.get("field")) == (status, field), reply.body
        assert words in reply.json["detail"], reply.body
        assert piece not in reply.body
        reply = await server.token_request("POST", path, {**(fields if correct is None else correct)})
        assert reply.status == 200, reply.body
        assert piece in reply.body


def check_wrong_option(text: str, secrets: Mapping[str, str], old: str, new: str, words: str) -> None:
    """With `new` in place of `old` the configuration is wrong. The problem says these words, and no secret."""
    assert old in text
    with pytest.raises(ConfigurationError) as caught:
        configuration(text.replace(old, new, 1), secrets)
    assert words in str(caught.value)
    assert not any(secret in str(caught.value) for secret in secrets.values())


def check_configurations(text: str, secrets: Mapping[str, str]) -> None:
    """Every configuration on a page loads."""
    found = blocks(text, "yaml")
    assert found
    for written in found:
        assert configuration(written, secrets).apps


def with_your_key(text: str) -> str:
    """The configuration of a page, in which `YOUR_KEY` is the key of the caller with an API key."""
    return text.replace(SHOWN_DIGEST, digest_of(YOUR_KEY))


def example_headers(text: str) -> list[tuple[str, str]]:
    """The header that the first request on a page names after its body, if it names one."""
    (words,) = re.findall(r"^`POST /demo/v1/token` with `.*?`(\s.*?)^```json", text, re.M | re.S)[:1]
    return [("X-API-Key", YOUR_KEY)] if f"`X-API-Key: {YOUR_KEY}`" in words else []


async def check_example(
    in_process: Serving, text: str, secrets: Mapping[str, str], cut: Mapping[str, str] = {"token": EYJ}
) -> None:
    """With the first configuration on a page, its request is answered as it says. `cut`: what it does not show whole."""
    body, shown = example(text)
    async with in_process(configuration(with_your_key(blocks(text, "yaml")[0]), secrets)) as server:
        reply = await server.token_request("POST", "/demo/v1/token", body, *example_headers(text))
        assert (reply.status, reply.json | cut) == (200, shown), reply.body


@contextmanager
def server_of(directory: Path, text: str, secrets: Mapping[str, str]) -> Iterator[str]:
    """The URL of a server with this configuration. `secrets`: its environment."""
    (directory / "config.yaml").write_text(text, "utf-8")
    with serving(directory, secrets, "--config", "config.yaml", lines=1) as server:
        yield server.url


def issued(url: str, fields: Mapping[str, object]) -> Any:
    """The answer of a running server to a token request."""
    return _posted(f"{url}/v1/token", fields)


def inspected(url: str, token: str) -> Any:
    """What a running server says of a token, which it must find signed and without a problem."""
    read = _posted(f"{url}/v1/inspect", {"token": token})
    assert (read["signature"], read["problems"]) == ("valid", []), read
    return read


def _posted(url: str, body: Mapping[str, object]) -> Any:
    """The answer of a running server."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
