"""Signed URLs: a caller's rules, restricted for one link; bound to app, caller and route; shut out by id and by time."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.auth.urls.making import (
    ENVIRONMENT,
    OTHER,
    PRIMARY,
    SECONDARY,
    STATIC,
    YAML,
    by_pyjwt,
    configuration_of,
    signed,
)
from tests.unit.http.running import CERTIFICATE, NOW, WORLD, Running, Serving
from tests.unit.http.wire import Reply
from tokend.adapters.audit_log import Audit
from tokend.adapters.deny_file import DenyFile
from tokend.auth.contract import Credentials
from tokend.auth.signed_url import MAX_SECONDS, UrlClaims, sign
from tokend.core.errors import ApiError
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Restriction
from tokend.issuing.audit_settings import AuditSettings
from tokend.telemetry.log import JsonLog


async def _token_request(
    server: Running, key: str, path: str = "rtc/lobby-1/publisher/uid/7", at: str = "/demo"
) -> Reply:
    return await server.token_request("GET", f"{at}/k/{key}/{path}", None)


async def test_it_makes_the_caller_with_its_rules_narrowed() -> None:
    authenticator = configuration_of().routes[0].authenticator
    whole = signed(kinds=["rtc"], user="7", roles=["subscriber"], max_ttl=600)
    restriction = Restriction("url party-7", frozenset({"rtc"}), "lobby-1", "7", frozenset({"subscriber"}), 600)
    claims = {"jti": "party-7", "iat": NOW - 60, "exp": NOW + 600}
    assert await authenticator.authenticate(Credentials(path_key=whole), NOW) == Caller(
        "uikit", claims, (restriction,), "party-7"
    )
    bare = signed(channel=...)
    assert (await authenticator.authenticate(Credentials(path_key=bare), NOW)).restrictions == (
        Restriction("url party-7"),
    )


async def test_ours_and_that_of_another_program_are_read_alike() -> None:
    configuration = configuration_of()
    keys = configuration.apps["demo"].url_signing
    assert keys is not None
    claims = UrlClaims(app="demo", caller="uikit", jti="party-7", iat=NOW - 60, exp=NOW + 600, channel="lobby-1")
    found = [
        await configuration.routes[0].authenticator.authenticate(Credentials(path_key=one), NOW)
        for one in (sign(claims, keys), by_pyjwt())
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("bound_restrictions", "path", "status"),
    [
        ({}, "rtc/lobby-1/publisher/uid/7", 200),
        ({}, "rtc/lobby-1/publisher/uid/0", 200),
        ({}, "rtc/lobby-2/publisher/uid/7", 403),
        ({"channel": "room-1"}, "rtc/room-1/publisher/uid/7", 403),  # the rule permits lobby-* alone
        ({"channel": "*"}, "rtc/room-1/publisher/uid/7", 403),
        ({"channel": "lobby-*"}, "rtc/lobby-2/publisher/uid/7", 200),
        ({"channel": ...}, "rtc/lobby-2/publisher/uid/7", 200),
        ({"user": "7"}, "rtc/lobby-1/publisher/uid/7", 200),
        ({"user": "7"}, "rtc/lobby-1/publisher/uid/8", 403),
        ({"user": "7"}, "rtc/lobby-1/publisher/uid/0", 403),
        ({"kinds": ["rtm"]}, "rtc/lobby-1/publisher/uid/7", 403),
        ({"kinds": ["rtm"], "channel": ...}, "rtm/ada", 200),
        ({"roles": ["subscriber"]}, "rtc/lobby-1/publisher/uid/7", 403),
        ({"roles": ["subscriber"]}, "rtc/lobby-1/audience/uid/7", 200),
        ({"max_ttl": 600}, "rtc/lobby-1/publisher/uid/7?expiry=600", 200),
        ({"max_ttl": 600}, "rtc/lobby-1/publisher/uid/7?expiry=601", 403),
        ({"channel": ..., "kinds": ["chat"]}, "chat/app", 403),  # what is restricted never administers
    ],
)
async def test_what_it_opens(bound_restrictions: dict[str, Any], path: str, status: int, serving: Serving) -> None:
    async with serving(configuration_of()) as server:
        assert (await _token_request(server, signed(**bound_restrictions), path)).status == status


@pytest.mark.parametrize(
    ("bound_restrictions", "status"),
    [({}, 403), ({"user": "ada"}, 200), ({"user": "*"}, 200), ({"channel": "lobby-*"}, 403), ({"kinds": ["rtm"]}, 403)],
)
async def test_a_signed_url_for_a_channel_is_no_login_as_any_user(
    bound_restrictions: dict[str, Any], status: int, serving: Serving
) -> None:
    """The rule permits every user. The URL limits the channel, so it is a login only to a user that it names."""
    async with serving(configuration_of()) as server:
        assert (await _token_request(server, signed(**bound_restrictions), "rtm/ada")).status == status


async def test_a_role_that_a_kind_declares_may_be_named() -> None:
    authenticator = configuration_of().routes[0].authenticator
    caller = await authenticator.authenticate(Credentials(path_key=signed(roles=["moderator"])), NOW)
    assert caller.restrictions[0].roles == frozenset({"moderator"})


async def test_one_user_is_filled_in_and_one_max_ttl_is_the_default(serving: Serving) -> None:
    async with serving(configuration_of()) as server:
        key = signed(user="7", max_ttl=120)
        answer = await server.token_request("POST", f"/demo/k/{key}/v1/token", {"kind": "rtc", "channel": "lobby-1"})
        assert (answer.status, answer.json["uid"], answer.json["ttl"]) == (200, 7, 120)
        told = await server.token_request("POST", f"/demo/k/{key}/v1/explain", {"kind": "rtc", "channel": "lobby-2"})
        assert told.json["caller"] == "uikit"
        assert 'url party-7: channel "lobby-2" does not match "lobby-1"' in told.json["rule_results"][0]["unmet"]


async def test_it_works_up_to_its_last_second(serving: Serving) -> None:
    key = signed(iat=NOW - 60, exp=NOW + 600)
    for now, status in ((NOW + 599, 200), (NOW + 600, 401), (NOW - 90, 200), (NOW - 91, 401)):
        async with serving(configuration_of(), replace(WORLD, clock=lambda now=now: now)) as server:
            assert (await _token_request(server, key)).status == status, now
    async with serving(configuration_of()) as server:
        assert (await _token_request(server, signed(iat=NOW, exp=NOW + MAX_SECONDS))).status == 200


async def test_it_is_for_one_app_one_caller_and_the_routes_that_take_it(serving: Serving) -> None:
    async with serving(configuration_of()) as server:
        assert (await _token_request(server, signed(), at="/other")).status == 401  # of one signing key, by `defaults`
        assert (await _token_request(server, signed(), at="/kiosk")).status == 401
        kiosk = signed(caller="kiosk", channel=...)
        for at in ("/demo", "/kiosk"):
            assert (await _token_request(server, kiosk, at=at)).status == 200
            assert (await _token_request(server, kiosk, "rtm/ada", at=at)).status == 403
            assert (await _token_request(server, STATIC, at=at)).status == 200  # dots alone make no signed URL
        assert (await _token_request(server, signed(app="other"), at="/other")).status == 200


async def test_it_counts_in_the_url_alone(serving: Serving) -> None:
    async with serving(configuration_of()) as server:
        for header in (("X-API-Key", signed()), ("Authorization", f"Bearer {signed()}")):
            assert (await server.token_request("GET", "/demo/rtc/lobby-1/publisher/uid/7", None, header)).status == 401
        both = await server.token_request("GET", f"/demo/k/{signed()}/rtm/ada", None, ("X-API-Key", "studio"))
        assert (both.status, both.json["code"]) == (400, "credential_ambiguous")


@pytest.mark.parametrize(
    ("written", "good", "bad"),
    [
        ("{env: PRIMARY}", [PRIMARY], [SECONDARY, OTHER]),
        ("{primary: {env: PRIMARY}, secondary: {env: SECONDARY}}", [PRIMARY, SECONDARY], [OTHER]),
        ("{primary: {env: SECONDARY}}", [SECONDARY], [PRIMARY]),
    ],
)
async def test_keys_rotate(written: str, good: list[str], bad: list[str]) -> None:
    configuration = configuration_of(YAML.replace("{primary: {env: PRIMARY}, secondary: {env: SECONDARY}}", written))
    authenticator = configuration.routes[0].authenticator
    for key in good:
        for kid in ("primary", "secondary"):  # by either name: a key moves from one to the other
            assert (
                await authenticator.authenticate(Credentials(path_key=signed(key, header={"kid": kid})), NOW)
            ).name == "uikit"
    for key in bad:
        with pytest.raises(ApiError):
            await authenticator.authenticate(Credentials(path_key=signed(key)), NOW)


async def test_sign_with_says_which_key_signs() -> None:
    configuration = configuration_of(YAML.replace("{env: SECONDARY}}", "{env: SECONDARY}, sign_with: secondary}"))
    keys = configuration.apps["demo"].url_signing
    assert keys is not None
    made = sign(UrlClaims(app="demo", caller="uikit", jti="x", iat=NOW, exp=NOW + 1), keys)
    only = YAML.replace("{primary: {env: PRIMARY}, secondary: {env: SECONDARY}}", "{env: %s}")
    assert (
        await configuration_of(only % "SECONDARY").routes[0].authenticator.authenticate(Credentials(path_key=made), NOW)
    ).url == "x"
    with pytest.raises(ApiError):
        await configuration_of(only % "PRIMARY").routes[0].authenticator.authenticate(Credentials(path_key=made), NOW)


async def test_without_a_signing_key_a_caller_with_a_key_takes_that_alone(serving: Serving) -> None:
    text = YAML.replace("url_key: signed", f'url_key: "sha256:{"0" * 64}"').replace("  url_signing_key", "  #")
    async with serving(configuration_of(text)) as server:
        assert (await _token_request(server, signed(caller="kiosk"))).status == 401
        assert (await _token_request(server, STATIC)).status == 200


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({"url": "party-7"}, 403),
        ({"url": "party-8"}, 200),
        ({"url": "party-7", "app": "other"}, 200),
        ({"url": "party-7", "until": NOW}, 200),
        ({"caller": "uikit", "issued_before": NOW - 59}, 403),
        ({"caller": "uikit", "issued_before": NOW - 60}, 200),
    ],
)
async def test_the_deny_list_shuts_it_out(entry: dict[str, Any], status: int, tmp_path: Path, serving: Serving) -> None:
    file = tmp_path / "deny.jsonl"
    file.write_text(json.dumps(entry))
    deny = DenyFile(str(file), JsonLog(io.BytesIO(), WORLD.clock), WORLD.clock, WORLD.elapsed)
    async with serving(configuration_of(), interfaces=Interfaces(deny=deny)) as server:
        assert (await _token_request(server, signed())).status == status
        assert (await _token_request(server, STATIC)).status == 200  # a key without an id or a time


async def test_the_audit_has_its_id_and_nothing_has_its_text(tmp_path: Path, serving: Serving) -> None:
    keys = [signed(), signed(OTHER), signed(exp=NOW), signed(app="other"), signed(jti="secret id"), signed()[:-1]]
    file, log = tmp_path / "audit.jsonl", JsonLog(io.BytesIO(), WORLD.clock)
    audit = Audit(AuditSettings(to=(str(file),)), "writer", log)
    answers = b""
    async with serving(configuration_of(), interfaces=Interfaces(audit=audit)) as server:
        for bug in (False, True):
            if bug:
                server.control.active = replace(server.control.active, interfaces=None)
            for key in keys:
                for path in ("rtc/lobby-1/publisher/uid/7", "rtc/x/publisher/uid/7", "nothing", "rtm/%zz", "rtm/a#"):
                    for method in ("GET", "OPTIONS", "DELETE"):
                        answers += (await server.token_request(method, f"/demo/k/{key}/{path}", None)).raw
                body: dict[str, Any] = {"requests": [{"kind": "rtc", "channel": "x"}, {"kind": key}]}
                answers += (await server.token_request("POST", f"/demo/k/{key}/v1/tokens", body)).raw
        written = server.log.getvalue()
        statuses = {line["status"] for line in server.lines}
    assert statuses >= {200, 204, 400, 401, 403, 404, 405, 500}
    entries = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert {(one["outcome"], one["caller"], one.get("url")) for one in entries} == {
        ("issued", "uikit", "party-7"),
        ("refused", "uikit", "party-7"),
        ("refused", None, None),  # a bad one
    }
    for key in keys:
        for part in key.split("."):
            for piece in (part[:16], part[-16:]):
                assert all(piece.encode() not in text for text in (written, file.read_bytes(), answers)), piece
    for secret in (PRIMARY, SECONDARY, CERTIFICATE):
        assert all(secret.encode() not in text for text in (written, file.read_bytes(), answers))


def test_the_capability_to_administer_is_no_danger_where_only_signed_urls_are_taken() -> None:
    assert not any("app_admin" in warning for warning in configuration_of().warnings)
    static = configuration_of(YAML.replace("url_key: signed\n", f"url_key: 'sha256:{'0' * 64}'\n"))
    assert "url_key caller uikit has the capability app_admin" in static.warnings[0]


def test_the_keys_do_not_show() -> None:
    configuration = configuration_of()
    for text in (repr(configuration), str(configuration.apps["demo"]), repr(configuration.apps["demo"].url_signing)):
        assert not any(secret[:8] in text for secret in ENVIRONMENT.values())
