"""What a client sees of a backend that breaks the contract: 500 or 403 and no token; the log says why."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from pydantic import field_validator

from tests.assembling import assemble
from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, Running, Serving
from tests.unit.http.wire import Reply
from tokend.backends.agora.rtm import Rtm
from tokend.config.loading import Files, Source, load_for_start
from tokend.config.problems import ConfigurationError
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.core.validation import StrictModel
from tokend.issuing.configuration import Configuration
from tokend.plugins import Grant, Issuance, Minted

SECRET: Final = "canary of an exception"
YAML: Final = (
    DEMO
    + """
    backends: [rtm, wave]
    routes:
      - {path: /demo, dialect: native}
      - {path: "/wave/{user}", kind: wave, response: {token: "{token}", who: "{user}"}}
"""
)
KEY_HEADER: Final = ("X-API-Key", KEY)


class Wave(Rtm):
    """Breaks the contract in a way that the user names."""

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        if fields.user == "raises":
            raise RuntimeError(SECRET)
        grant = super().grant(fields, ttl, user)
        if fields.user == "longer":
            return replace(grant, ttl=ttl + 1)
        if fields.user == "undeclared":
            (service,) = grant.services
            return replace(grant, services=(replace(service, privileges={"administrate": ttl}),))
        return grant

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        (service,) = grant.services
        if service.user == "mint raises":
            raise RuntimeError(SECRET)
        minted = super().mint(grant, issuance)
        return replace(minted, extra={"user": "eve"}) if service.user == "overwrites" else minted


CASES: Final = {
    "raises": (500, "internal", "backend of wave: grant raised RuntimeError"),
    "longer": (500, "internal", "backend of wave: the grant does not last as long as requested"),
    "undeclared": (403, "not_permitted", "privilege 'administrate'"),
    "mint raises": (500, "internal", "backend of wave: minting raised RuntimeError"),
    "overwrites": (500, "internal", "backend of wave: extra holds a key that `extras` does not declare"),
}
ONLY_MINTED: Final = ("mint raises", "overwrites")


@pytest.fixture
def configuration() -> Configuration:
    environment = {"CERTIFICATE": CERTIFICATE}
    return assemble(parse(YAML, "config.yaml"), "config.yaml", Secrets(environment, Path()), {"wave": Wave})


async def _post(server: Running, path: str, body: dict[str, Any]) -> Reply:
    return await server.token_request("POST", path, body, KEY_HEADER)


def _check_silence(body: bytes, reason: str) -> None:
    """An answer has no token, and nothing of what only the log may say."""
    assert b"007e" not in body
    for text in (SECRET, reason, "RuntimeError", "administrate"):
        assert text.encode() not in body


@pytest.mark.parametrize("user", CASES)
async def test_a_single_token(user: str, configuration: Configuration, serving: Serving) -> None:
    status, code, reason = CASES[user]
    async with serving(configuration) as server:
        native = await _post(server, "/demo/v1/token", {"kind": "wave", "user": user})
        assert (native.status, native.json["code"]) == (status, code)
        custom = await server.token_request("GET", f"/wave/{user.replace(' ', '%20')}", None, KEY_HEADER)
        assert (custom.status, custom.json["code"]) == (status, code)
        for reply in (native, custom):
            _check_silence(reply.body, reason)
        assert [(line["outcome"], line["reason"]) for line in server.lines] == [(code, reason)] * 2
        assert SECRET.encode() not in server.log.getvalue()


@pytest.mark.parametrize("user", CASES)
async def test_a_batch_keeps_its_other_tokens(user: str, configuration: Configuration, serving: Serving) -> None:
    _, code, reason = CASES[user]
    token_requests = [{"kind": "rtm", "user": "ann"}, {"kind": "wave", "user": user}, {"kind": "wave", "user": "ann"}]
    async with serving(configuration) as server:
        reply = await _post(server, "/demo/v1/tokens", {"requests": token_requests})
        first, wrong, last = reply.json["results"]
        assert reply.status == 200
        assert {"token", "kind"} <= first.keys() & last.keys()
        assert wrong["error"]["code"] == code
        _check_silence(str(wrong).encode(), reason)
        (line,) = server.lines
        assert (line["outcome"], line["reason"]) == (code, reason)


@pytest.mark.parametrize("user", CASES)
async def test_explain(user: str, configuration: Configuration, serving: Serving) -> None:
    """A fault of the server is no explanation; what is not declared is one. Nothing is minted."""
    status, code, reason = CASES[user]
    async with serving(configuration) as server:
        reply = await _post(server, "/demo/v1/explain", {"kind": "wave", "user": user})
        _check_silence(reply.body, reason)
        if user in ONLY_MINTED:
            assert (reply.status, reply.json["issued"]) == (200, True)
        elif status == 500:
            assert (reply.status, reply.json["code"]) == (500, code)
            assert server.lines[-1]["reason"] == reason
        else:
            assert (reply.status, reply.json["issued"], reply.json["error"]["code"]) == (200, False, code)
            sentence = "kind wave does not declare a privilege that this would give"
            assert reply.json["rule_results"] == [{"rule": "demo.studio.rules[0]", "unmet": [sentence]}]


def _fails(*arguments: object, **named: object) -> Any:
    raise RuntimeError(SECRET)


class _FailingModel(StrictModel):
    uid: int = 0

    @field_validator("uid", mode="before")
    @classmethod
    def _fail(cls, value: object) -> object:
        return _fails(value)


@pytest.mark.parametrize(
    ("member", "value", "problem"),
    [
        ("__init__", _fails, "apps.demo.backends.wave: cannot be created: its backend raised RuntimeError"),
        (
            "Options",
            _FailingModel,
            f"apps.demo.backends.wave: cannot be checked: {__name__} raised RuntimeError",
        ),
        (
            "check_app_credentials",
            _fails,
            f"apps.demo: the credentials cannot be checked: {__name__} raised RuntimeError",
        ),
        ("Fields", _FailingModel, f"apps.demo.routes[1].set: cannot be checked: {__name__} raised RuntimeError"),
    ],
)
def test_a_backend_that_fails_while_it_is_configured_is_a_problem_of_its_app(
    member: str, value: Any, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` ended in a traceback, and no signal reloaded any more."""
    yaml = YAML.replace("[rtm, wave]", "{rtm: {}, wave: {uid: 1}}" if member == "Options" else "[rtm, wave]")
    monkeypatch.setattr(Wave, member, value)
    with pytest.raises(ConfigurationError) as caught:
        assemble(
            parse(yaml.replace("kind: wave, ", "kind: wave, set: {uid: 7}, "), "config.yaml"),
            "config.yaml",
            Secrets({"CERTIFICATE": CERTIFICATE}, Path()),
            {"wave": Wave},
        )
    assert problem in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_backend_whose_declarations_cannot_be_read_stops_its_app_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stopped all apps, by a traceback."""
    monkeypatch.setattr(Wave, "max_ttl", "1h")
    with pytest.raises(ConfigurationError) as caught:
        assemble(
            parse(YAML, "config.yaml"), "config.yaml", Secrets({"CERTIFICATE": CERTIFICATE}, Path()), {"wave": Wave}
        )
    assert "apps.demo: cannot be built: a plug-in of it raised TypeError" in str(caught.value)


def test_such_an_app_leaves_the_others_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rtm, "max_ttl", "1h")
    bad = DEMO.partition("apps:\n")[2].replace("demo:", "bad:").rstrip() + "\n    backends: [rtm]\n"
    (tmp_path / "config.yaml").write_text(f"{DEMO.rstrip()}\n    backends: [rtc]\n{bad}")
    isolated = load_for_start(Source(None, {"CERTIFICATE": CERTIFICATE}, tmp_path), Files())
    assert list(isolated.configuration.apps) == ["demo"]
    (problem,) = isolated.invalid_apps["bad"].problems
    assert "cannot be built: a plug-in of it raised TypeError" in str(problem)


async def test_a_right_token_of_the_same_backend(configuration: Configuration, serving: Serving) -> None:
    async with serving(configuration) as server:
        reply = await _post(server, "/demo/v1/token", {"kind": "wave", "user": "ann"})
        assert (reply.status, reply.json["app_id"]) == (200, APP_ID)
