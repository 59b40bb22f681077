"""One tenant's mistake stays with that tenant: at start, at a reload, in the answers of the admin application."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

import tokend
from tests.conftest import ClientFixture
from tests.running import ADMIN, ADMIN_DIGEST
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW
from tokend.config.problems import ConfigurationError
from tokend.http.control import CONTROL
from tokend.telemetry.log import JsonLog

_GOOD = f"""app_id: "{APP_ID}"
certificate: {{env: CERTIFICATE}}
callers: {{anybody: {{anonymous: true, rules: [{{}}]}}}}
"""
_BAD = _GOOD.replace("anonymous: true", "anonymous: false")


class Tenants:
    """A server of two apps in files of their own; `log` is what it wrote."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._log = io.BytesIO()
        (directory / "apps.d").mkdir()
        (directory / "config.yaml").write_text("include: apps.d/*.yaml\n")

    def write(self, name: str, text: str) -> None:
        (self.directory / "apps.d" / f"{name}.yaml").write_text(text)

    def application(self) -> web.Application:
        path = self.directory / "config.yaml"
        return tokend.create_app(path, environ={"CERTIFICATE": CERTIFICATE}, log=JsonLog(self._log, lambda: NOW))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return Tenants(tmp_path)


async def _status(client: "TestClient[Any, Any]", app: str, ttl: int = 600) -> int:
    response = await client.post(f"/{app}/v1/token", json={"kind": "rtm", "user": "ada", "ttl": ttl})
    return response.status


async def test_requests_to_an_invalid_app_are_of_that_app_in_the_log_and_the_metrics(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _BAD)
    app = tenants.application()
    client = await aiohttp_client(app)
    response = await client.get("/bolt/rtm/ada", headers={"Origin": "https://app.example.com"})
    # an alert looks at the 5xx of apps, and not at those of health checks
    assert app[CONTROL].snapshot().values["tokend_requests"] == {("bolt", "503"): 1}
    assert tenants.lines[-1]["app"] == "bolt"
    said = "cors.origins does not allow the Origin of this page"
    assert (response.status, tenants.lines[-1]["cors"]) == (503, said)


async def test_a_page_of_the_invalid_app_can_read_that_it_is_invalid(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    """Without these headers, the browser shows a CORS error in place of the 503 and its sentence."""
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _BAD + "cors: {origins: 'https://bolt.example.com', headers: X-Tenant}\n")
    tenants.write("cork", _BAD + "cors: {origins: 'https://cork.example.com/path'}\n")
    client = await aiohttp_client(tenants.application())
    page = {"Origin": "https://bolt.example.com"}
    wanted = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-tenant"}
    preflight = await client.options("/bolt/v1/token", headers=wanted)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (200, page["Origin"])
    response = await client.post("/bolt/v1/token", headers=page)
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (503, page["Origin"])
    assert "invalid" in (await response.json())["detail"]
    refused = await client.options("/bolt/v1/token", headers={**wanted, "Origin": "https://cork.example.com"})
    assert (refused.status, "Access-Control-Allow-Origin" in refused.headers) == (403, False)
    for origin in ("https://cork.example.com", "https://cork.example.com/path", "https://bolt.example.com"):
        response = await client.post("/cork/v1/token", headers={"Origin": origin})
        assert (response.status, "Access-Control-Allow-Origin" in response.headers) == (503, False)
    assert tenants.lines[-1]["app"] == "cork"


async def test_a_path_below_two_apps_belongs_to_the_one_with_the_longer_path(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    cors = "cors: {origins: 'https://NAME.example.com'}\n"
    tenants.write("acme", _BAD + "routes: [{path: /, dialect: native}]\n" + cors.replace("NAME", "acme"))
    tenants.write("bolt", _BAD + cors.replace("NAME", "bolt"))
    tenants.write("cork", _GOOD + cors.replace("NAME", "cork"))
    client = await aiohttp_client(tenants.application())
    cases = (
        ("/v1/token", "acme", 503),
        ("/bolt/v1/token", "bolt", 503),
        ("/cork/typo", "cork", 404),
        ("/bolt/a%2Fb", "bolt", 400),
        ("/cork/a%2Fb", "cork", 400),
    )
    for path, app, status in cases:
        for name in ("acme", "bolt", "cork"):
            response = await client.post(path, headers={"Origin": f"https://{name}.example.com"})
            assert (response.status, tenants.lines[-1].get("app")) == (status, app)
            assert ("Access-Control-Allow-Origin" in response.headers) == (name == app)


async def test_at_start_the_invalid_app_alone_answers_503(tenants: Tenants, aiohttp_client: ClientFixture) -> None:
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _BAD)
    app = tenants.application()
    client = await aiohttp_client(app)
    assert await _status(client, "acme") == 200
    response = await client.get("/bolt/rtm/ada")
    assert (response.status, response.headers["Retry-After"]) == (503, "60")
    assert (await response.json())["code"] == "unavailable"
    assert (await client.get("/nobody/rtm/ada")).status == 404
    (line,) = [line for line in tenants.lines if line["event"] == "invalid_app"]
    assert (line["app"], line["level"]) == ("bolt", "error")
    assert "apps.d/bolt.yaml:3:" in line["problems"][0]
    tenants.write("bolt", _GOOD)
    assert (await app[CONTROL].reload()).invalid_apps == {}
    assert await _status(client, "bolt") == 200


async def test_a_reload_changes_the_others_and_keeps_the_last_valid_version(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    for name in ("acme", "bolt"):
        tenants.write(name, _GOOD)
    app = tenants.application()
    client, admin = (
        await aiohttp_client(app),
        await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN),
    )
    tenants.write("acme", _GOOD + "ttl: {max: 5m}\n")
    tenants.write("bolt", _BAD)
    difference = await (await admin.get("/-/diff")).json()
    assert difference["apps"]["acme"] == {"change": "changed", "keys": ["ttl"]}
    assert difference["apps"]["bolt"]["change"] == "invalid"
    answer = await (await admin.post("/-/reload")).json()
    assert (answer["result"], answer["problems"], list(answer["invalid_apps"])) == ("done", [], ["bolt"])
    assert [await _status(client, "acme"), await _status(client, "acme", 300), await _status(client, "bolt")] == [
        400,
        200,
        200,
    ]
    assert list((await (await admin.get("/-/config")).json())["invalid_apps"]) == ["bolt"]
    metrics = await (await admin.get("/metrics")).text()
    assert 'tokend_app_valid{app="acme"} 1.0' in metrics
    assert 'tokend_app_valid{app="bolt"} 0.0' in metrics
    assert "tokend_config_last_reload_successful 1.0" in metrics


@pytest.mark.parametrize("at_start", [True, False])
async def test_a_secret_in_an_app_that_is_not_served_is_not_shown(
    tenants: Tenants, aiohttp_client: ClientFixture, *, at_start: bool
) -> None:
    """An app that was invalid at the start was shown as it is written, with a secret's text in place of a reference."""
    texts = f"certificate: {'0a' * 16}\nurl_signing_key: {'1b' * 32}\ncallers: {{web: {{api_key: {'2c' * 16}}}}}\n"
    tenants.write("acme", _GOOD)
    if at_start:
        tenants.write("bolt", texts)
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    if not at_start:
        tenants.write("bolt", texts)
        tenants.write("acme", _GOOD + "ttl: {max: 5m}\n")
        assert (await app[CONTROL].reload()).result == "done"
    for path in ("/-/config", "/-/diff"):
        answer = await (await admin.get(path)).text()
        assert "bolt" in answer
        assert not any(text in answer for text in ("0a" * 16, "1b" * 32, "2c" * 16))
    assert list((await (await admin.get("/-/config")).json())["apps"]) == ["acme"]


async def test_a_reload_before_the_start_is_refused_and_is_no_bug(tenants: Tenants) -> None:
    """Its problem said that tokend has a bug."""
    tenants.write("acme", _GOOD)
    app = tenants.application()
    tenants.write("acme", _GOOD + "ttl: {max: 5m}\n")
    assert (await app[CONTROL].reload()).problems == ("the application has not started: reload it while it serves",)


async def test_where_nothing_else_changes_the_reload_is_refused(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    tenants.write("acme", _GOOD)
    app = tenants.application()
    client, admin = (
        await aiohttp_client(app),
        await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN),
    )
    before = (await (await admin.get("/-/config")).json())["fingerprint"]
    tenants.write("acme", _BAD)
    response = await admin.post("/-/reload")
    answer = await response.json()
    assert (response.status, answer["result"], answer["fingerprint"]) == (409, "refused", before)
    assert answer["problems"]
    assert await _status(client, "acme") == 200
    assert list((await (await admin.get("/-/config")).json())["invalid_apps"]) == ["acme"]
    assert 'tokend_app_valid{app="acme"} 0.0' in await (await admin.get("/metrics")).text()
    tenants.write("acme", _GOOD)
    assert (await (await admin.post("/-/reload")).json())["invalid_apps"] == {}
    assert 'tokend_app_valid{app="acme"} 1.0' in await (await admin.get("/metrics")).text()


async def test_a_file_that_cannot_be_parsed_is_that_apps_alone(tenants: Tenants, aiohttp_client: ClientFixture) -> None:
    tenants.write("acme", _GOOD)
    app = tenants.application()
    client, admin = (
        await aiohttp_client(app),
        await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN),
    )
    tenants.write("bolt", "a: [")
    tenants.write("acme", _GOOD + "ttl: {max: 5m}\n")
    difference = await (await admin.get("/-/diff")).json()
    assert {name: of_app["change"] for name, of_app in difference["apps"].items()} == {
        "acme": "changed",
        "bolt": "invalid",
    }
    assert (await (await admin.post("/-/reload")).json())["result"] == "done"
    shown = await (await admin.get("/-/config")).json()
    assert (list(shown["invalid_apps"]), "acme" in shown["apps"]) == (["bolt"], True)
    assert await _status(client, "acme") == 400


async def test_a_newcomer_takes_no_path_that_is_served(tenants: Tenants, aiohttp_client: ClientFixture) -> None:
    tenants.write("acme", _GOOD)
    app = tenants.application()
    client = await aiohttp_client(app)
    tenants.write("thief", _GOOD + "routes: [{path: /acme}]\n")
    result = await app[CONTROL].reload()
    assert list(result.invalid_apps) == ["thief"]
    assert await _status(client, "acme") == 200
    assert app[CONTROL].snapshot().values["tokend_requests"][("acme", "200")] == 1


async def test_a_reload_that_only_makes_apps_invalid_is_refused_also_beside_one_that_was_invalid_before(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    """It was done, with 200, since the other app answers 503: so it did before."""
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _BAD)
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    tenants.write("acme", _BAD)
    response = await admin.post("/-/reload")
    assert (response.status, (await response.json())["result"]) == (409, "refused")
    tenants.write("bolt", _GOOD)
    answer = await (await admin.post("/-/reload")).json()
    assert answer["result"] == "done", answer


async def test_on_invalid_app_refuse_is_all_or_nothing(tenants: Tenants) -> None:
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _BAD)
    (tenants.directory / "config.yaml").write_text("include: apps.d/*.yaml\nserver: {on_invalid_app: refuse}\n")
    with pytest.raises(ConfigurationError, match=r"apps\.d/bolt\.yaml:3:"):
        tenants.application()


async def test_a_server_without_a_valid_app_does_not_start(tenants: Tenants) -> None:
    tenants.write("bolt", _BAD)
    with pytest.raises(ConfigurationError, match=r"apps\.d/bolt\.yaml:3:"):
        tenants.application()


@pytest.mark.parametrize(("written", "keys"), [(_GOOD, ["app_id", "callers", "certificate"]), (_BAD, [])])
async def test_diff_and_reload_name_the_apps_that_go(
    written: str, keys: list[str], tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    """They did not name an app that was invalid since the start: its paths answered 503, and 404 after the reload."""
    tenants.write("acme", _GOOD)
    tenants.write("bolt", written)
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    next(tenants.directory.rglob("bolt.yaml")).unlink()
    difference = (await (await admin.get("/-/diff")).json())["apps"]
    assert difference == {"bolt": {"change": "removed", "keys": keys}}  # of the invalid app, it said "(a secret)"
    answer = await (await admin.post("/-/reload")).json()
    assert (answer["result"], answer["removed"]) == ("done", ["bolt"])
    (line,) = [line for line in tenants.lines if line["event"] == "reload"]
    assert (line["level"], line["removed"]) == ("warning", ["bolt"])


async def test_the_answer_says_which_invalid_apps_are_still_served(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    tenants.write("acme", _GOOD)
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    tenants.write("acme", _BAD)
    tenants.write("bolt", _BAD)
    answer = await (await admin.post("/-/reload")).json()
    assert (sorted(answer["invalid_apps"]), answer["serving_last_version"]) == (["acme", "bolt"], ["acme"])


async def test_a_difference_outside_the_apps_is_shown(tenants: Tenants, aiohttp_client: ClientFixture) -> None:
    tenants.write("acme", _GOOD)
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    root = next(tenants.directory.rglob("config.yaml"))
    root.write_text("server: {drain: 7s}\n" + root.read_text())
    difference = await (await admin.get("/-/diff")).json()
    assert (difference["apps"], difference["settings"]) == ({}, ["server"])


async def test_the_difference_of_an_app_that_was_invalid_at_the_start_names_all_its_keys(
    tenants: Tenants, aiohttp_client: ClientFixture
) -> None:
    """It was served by nothing: what its invalid text said does not count."""
    tenants.write("acme", _GOOD)
    tenants.write("bolt", _GOOD + "limts: {user: 5/m}\n")
    app = tenants.application()
    await aiohttp_client(app)
    admin = await aiohttp_client(tokend.create_admin_app(app, key=ADMIN_DIGEST), headers=ADMIN)
    tenants.write("bolt", _GOOD + "limits: {user: 5/m}\n")
    difference = await (await admin.get("/-/diff")).json()
    assert difference["apps"] == {"bolt": {"change": "added", "keys": ["app_id", "callers", "certificate", "limits"]}}
