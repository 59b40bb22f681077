"""The files for Render, Railway and Heroku: the fields that each platform reads, and a server that has only their variables."""

import hashlib
import json
import re
import tomllib
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError

import pytest
import yaml

from tests.free_ports import free_port
from tests.running import CREDENTIALS, ROOT, serving

_KEY: Final = "tk_test_key"
_CLOSING: Final = {"API_KEY_SHA256", "FIREBASE_PROJECT"}
_OPEN: Final = (
    "Open to strangers: with neither API_KEY_SHA256 nor FIREBASE_PROJECT, anybody gets tokens for any channel and user."
)
_FILES: Final = ["render.yaml", "railway.toml", "heroku.yml", "app.json"]
_TEXTS: Final = {name: (ROOT / name).read_text() for name in _FILES}
RENDER: Final = yaml.safe_load(_TEXTS["render.yaml"])
RAILWAY: Final = tomllib.loads(_TEXTS["railway.toml"])
HEROKU: Final = yaml.safe_load(_TEXTS["heroku.yml"])
APP: Final = json.loads(_TEXTS["app.json"])


def _declared() -> dict[str, tuple[set[str], set[str]]]:
    """The required and the optional variables of each platform."""
    render = {entry["key"] for entry in RENDER["services"][0]["envVars"]}
    optional = {name for name, entry in APP["env"].items() if entry.get("required") is False}
    railway = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", _TEXTS["railway.toml"].partition("[build]")[0]))
    required = set(CREDENTIALS)
    return {
        "render": (render & required, render - required),
        "railway": (railway & required, railway - required),
        "heroku": (set(APP["env"]) - optional, optional),
    }


@pytest.mark.parametrize("name", _FILES)
def test_each_says_what_is_open(name: str) -> None:
    assert _OPEN in _TEXTS[name]


def test_what_render_reads() -> None:
    (service,) = RENDER["services"]
    assert (service["type"], service["name"], service["runtime"]) == ("web", "tokend", "docker")
    assert (ROOT / service["dockerfilePath"]).is_file()
    assert service["healthCheckPath"] == "/healthz"
    assert all(entry == {"key": entry["key"], "sync": False} for entry in service["envVars"])


def test_what_railway_reads() -> None:
    assert set(RAILWAY) == {"build", "deploy"}
    assert RAILWAY["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert RAILWAY["deploy"] == {"healthcheckPath": "/healthz", "restartPolicyType": "ON_FAILURE"}


def test_what_heroku_reads() -> None:
    assert HEROKU == {"build": {"docker": {"web": "Dockerfile"}}}
    assert APP["stack"] == "container"
    assert all(set(entry) <= {"description", "required"} and entry["description"] for entry in APP["env"].values())


def test_all_platforms_declare_the_same_variables() -> None:
    expected = (set(CREDENTIALS), {*_CLOSING, "CORS_ALLOW_ORIGIN"})
    assert _declared() == dict.fromkeys(("render", "railway", "heroku"), expected)


def _token(url: str, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(f"{url}/rtc/any-room/publisher/uid/7/", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("platform", ["render", "railway", "heroku"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_server_with_only_these_variables_answers(platform: str, closed: bool, tmp_path: Path) -> None:
    """The image's TOKEND_HOST, the platform's PORT, and what somebody enters; what is optional stays empty."""
    required, optional = _declared()[platform]
    entered = {name: CREDENTIALS[name] for name in required} | dict.fromkeys(optional, "")
    if closed:
        entered["API_KEY_SHA256"] = hashlib.sha256(_KEY.encode()).hexdigest()
    port = free_port()
    environment = {**entered, "PORT": str(port), "TOKEND_HOST": "127.0.0.1"}
    with serving(tmp_path, environment, any_port=False) as server:
        assert server.url.endswith(f":{port}")
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=10) as response:
            assert response.status == 200
        assert _token(server.url, {})[0] == (401 if closed else 200)
        assert _token(server.url, {"X-API-Key": _KEY} if closed else {})[1]["rtcToken"].startswith("007")
        assert server.stop() == 0
    assert ("API_KEY_SHA256" in server.log) is not closed
