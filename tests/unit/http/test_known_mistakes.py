"""What existing servers get wrong, row by row: the status, the code and the field here, and that nothing is minted."""

import asyncio
import base64
import zlib

import pytest

from tests.unit.http.running import APP_ID, CERTIFICATE, DEMO, KEY, OPEN, serving
from tests.unit.http.wire import Reply, read_reply, request_bytes
from tokend.agora import build
from tokend.backends.agora import v007
from tokend.core.interfaces import AuditSink, Interfaces
from tokend.core.model import Decision


class _Minted(AuditSink):
    """Counts the tokens that were about to be released."""

    def __init__(self) -> None:
        self.count = 0

    def healthy(self) -> bool:
        return True

    async def record(self, decisions: tuple[Decision, ...]) -> None:
        self.count += sum(one.token_sha256 is not None for one in decisions)


async def _error_response(
    raw_or_target: str, body: str | bytes | None, status: int, code: str, field: str | None, *headers: tuple[str, str]
) -> Reply:
    minted = _Minted()
    async with serving(DEMO, interfaces=Interfaces(audit=minted)) as server:
        content = body.encode() if isinstance(body, str) else body
        method = "GET" if body is None else "POST"
        reply = await server.token_request(method, f"/demo{raw_or_target}", content, ("X-API-Key", KEY), *headers)
    found = reply.json
    assert (reply.status, found["code"], found.get("field")) == (status, code, field)
    assert b"007e" not in reply.body
    assert minted.count == 0
    return reply


async def test_a_channel_whose_length_wraps_16_bits() -> None:
    packed = "x" + "\x05\x00\x00\x00" + "y" * 65_536
    await _error_response("/getToken", f'{{"tokenType":"rtc","uid":"7","channel":"{packed}"}}', 413, "too_large", None)
    await _error_response(f"/rtc/{'y' * 6_000}/host/uid/7", None, 400, "invalid_field", "channel")
    await _error_response(
        "/v1/token", '{"kind":"rtc","uid":7,"channel":"' + "y" * 64 + '"}', 400, "invalid_field", "channel"
    )


@pytest.mark.parametrize(
    "text",
    [
        r'{"\ud800":"%s"}',
        r'{"a\ud800":"%s","b":"%s"}',
        r'{"x":{"\ud800":"%s"}}',
        r"https://x/?\ud800=%s",
        r"\ud800 %s",
        r'"\ud83d\ude00 %s"',
    ],
)
@pytest.mark.parametrize("first", ["0", r"\u0030"])
async def test_half_of_a_surrogate_pair_in_a_text_to_inspect(text: str, first: str) -> None:
    """No answer can hold it, so it must not be the name under which the token stood."""
    token = build("rtc", app_id=APP_ID, certificate=CERTIFICATE, channel="room", uid=7)
    async with serving(OPEN) as server:
        sent = {"token": text.replace("%s", first + token[1:])}
        reply = await server.token_request("POST", "/v1/inspect", sent)
    assert reply.status in (200, 400), reply.body


@pytest.mark.parametrize("parameter", [";x*", "; x*", "; charset=utf-8; x*"])
async def test_a_content_type_with_half_a_parameter(parameter: str) -> None:
    """The parser of the standard library raises `IndexError` for it."""
    forms_too = OPEN.replace("path: /", "path: /, dialect: [native, agora-samples-chat]")
    async with serving(forms_too) as server:
        body = b'{"kind":"rtc","channel":"stage","uid":7}'
        json_reply = await server.token_request(
            "POST", "/v1/token", body, ("Content-Type", f"application/json{parameter}")
        )
        form = ("Content-Type", f"application/x-www-form-urlencoded{parameter}")
        form_reply = await server.token_request("POST", "/token/generate", b"userId=ann", form)
    assert (json_reply.status, form_reply.status) == (200, 200), json_reply.body + form_reply.body


@pytest.mark.parametrize("uid", ["4294967296", "4294967303", "00", "-1", str(2**64), "%2B7", "07", "１", "7%20", "0x7"])
async def test_uids_that_became_other_users(uid: str) -> None:
    await _error_response(
        f"/rtc/stage/host/uid/{uid.replace('１', '%EF%BC%91')}/", None, 400, "invalid_field", "rtcuid"
    )


@pytest.mark.parametrize("uid", ["4294967296", "4294967303", "00", "-1", str(2**64), "+7", "07"])
async def test_numbers_that_became_accounts(uid: str) -> None:
    body = f'{{"tokenType": "rtc", "channel": "stage", "uid": "{uid}"}}'
    await _error_response("/getToken", body, 400, "invalid_field", "uid")


@pytest.mark.parametrize("uid", ["4294967296", "-1", str(2**64), "7.0", '"7"', "true", "1" + "0" * 30])
async def test_numeric_uids_of_the_native_api(uid: str) -> None:
    await _error_response("/v1/token", f'{{"kind": "rtc", "channel": "x", "uid": {uid}}}', 400, "invalid_field", "uid")


@pytest.mark.parametrize("expire", ["-1", "4294967296", "0", "1800003600"])
async def test_lifetimes_of_136_years_of_nothing_and_of_an_absolute_time(expire: str) -> None:
    await _error_response(f"/rtm/ada?expiry={expire}", None, 400, "ttl_out_of_range", "expiry")
    body = f'{{"tokenType": "rtm", "uid": "ada", "expire": {expire}}}'
    reply = await _error_response("/getToken", body, 400, "ttl_out_of_range", "expire")
    assert ("give seconds from now" in reply.json["error"]) is (len(expire) == 10)


async def test_chat_without_a_user_is_no_administrator() -> None:
    await _error_response("/getToken", '{"tokenType": "chat"}', 403, "capability_required", None)
    await _error_response("/getToken", '{"tokenType": "chat", "uid": ""}', 403, "capability_required", None)
    await _error_response("/getToken", '{"tokenType": "chat", "uuid": "ada"}', 400, "unknown_field", "uuid")
    await _error_response("/chat/app/", None, 403, "capability_required", None)


@pytest.mark.parametrize(
    "target",
    [
        "/rtc/*/host/uid/7/",
        "/rtc//host/uid/7/",
        "/rtc/x/2/uid/0/",
        "/rtc/x/2/uid//",
        "/rtc/x/2/userAccount/*/",
        "/rtm/*/",
    ],
)
async def test_wildcards_need_a_capability(target: str) -> None:
    await _error_response(target, None, 403, "capability_required", None)


async def test_an_unknown_role_is_no_subscriber() -> None:
    for role in ("admin", "Publisher", "3", "", "0"):
        await _error_response(f"/rtc/x/{role}/uid/7/", None, 400, "invalid_field", "role")
    await _error_response(
        "/getToken", '{"tokenType":"rtc","channel":"x","uid":"7","role":"x"}', 400, "invalid_field", "role"
    )


async def test_an_rte_subscriber_may_not_publish_data() -> None:
    async with serving(DEMO) as server:
        reply = await server.token_request("GET", "/demo/rte/stage/subscriber/uid/7/", None, ("X-API-Key", KEY))
    for token in reply.json.values():
        services = {one.type: set(one.privileges) for one in v007.decode(token).content.services}
        assert services[1] == {1}


async def test_a_path_without_its_final_slash_is_no_redirect() -> None:
    async with serving(DEMO) as server:
        for slash in ("", "/"):
            reply = await server.token_request("GET", f"/demo/rtm/ada{slash}", None, ("X-API-Key", KEY))
            assert reply.status == 200


_GOOD = '{"tokenType": "rtm", "uid": "ada"}'


@pytest.mark.parametrize(
    ("body", "status", "code", "content_type"),
    [
        (_GOOD * 2, 400, "malformed", "application/json"),
        (_GOOD + "x", 400, "malformed", "application/json"),
        ('{"tokenType": "rtm", "uid": "ada", "uid": "bob"}', 400, "malformed", "application/json"),
        ('{"tokenType": "rtm", "uid": "ada", "ui\\u0064": "bob"}', 400, "malformed", "application/json"),
        (_GOOD.encode("utf-16"), 400, "malformed", "application/json; charset=utf-16"),
        ("\ufeff" + _GOOD, 400, "malformed", "application/json"),
        ('{"tokenType": "rtm", "uid": NaN}', 400, "malformed", "application/json"),
        ('{"tokenType": "rtm", "uid": "\\ud800"}', 400, "malformed", "application/json"),
        ("[" * 5_000, 400, "malformed", "application/json"),
        ("[" * 900 + "]" * 900, 400, "malformed", "application/json"),
        ('{"tokenType": "rtm", "uid": "ada", "expire": ' + "9" * 5_000 + "}", 400, "malformed", "application/json"),
        (_GOOD + " " * 17_000, 413, "too_large", "application/json"),
    ],
)
async def test_bodies_that_were_accepted(body: str | bytes, status: int, code: str, content_type: str) -> None:
    await _error_response("/getToken", body, status, code, None, ("Content-Type", content_type))


async def test_a_body_of_16_kib_is_read_and_one_byte_more_is_not() -> None:
    async with serving(DEMO) as server:
        for path, limit in (("getToken", 16 * 1024), ("v1/tokens", 64 * 1024)):
            good = _GOOD if path == "getToken" else '{"requests": [{"kind": "rtm", "user": "ada"}]}'
            for size, status in ((limit, 200), (limit + 1, 413)):
                body = good.ljust(size).encode()
                assert (await server.token_request("POST", f"/demo/{path}", body, ("X-API-Key", KEY))).status == status
                chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
                headers = (("X-API-Key", KEY), ("Transfer-Encoding", "chunked"))
                assert (await server.token_request("POST", f"/demo/{path}", chunk, *headers)).status == status


async def test_50_mib_that_are_announced_are_refused_at_once() -> None:
    await _error_response("/getToken", b"", 413, "too_large", None, ("Content-Length", str(50 * 1024 * 1024)))


async def test_a_newline_in_a_channel_forges_no_log_line() -> None:
    async with serving(DEMO) as server:
        assert (
            await server.token_request("GET", "/demo/rtc/a%0Ab/host/uid/7/", None, ("X-API-Key", KEY))
        ).status == 400
        body = b'{"kind": "rtc", "channel": "a\\n{\\"level\\":\\"info\\"}", "uid": 7}'
        assert (await server.token_request("POST", "/demo/v1/token", body, ("X-API-Key", KEY))).status == 400
        assert len(server.lines) == 2


async def test_a_token_of_half_a_megabyte_is_not_read() -> None:
    bomb = "007" + base64.b64encode(zlib.compress(b"\0" * 300_000_000)[:400_000]).decode()
    await _error_response("/v1/inspect", f'{{"token": "{bomb}"}}', 413, "too_large", None)
    small = "007" + base64.b64encode(zlib.compress(b"\0" * 3_000_000)).decode()
    await _error_response("/v1/inspect", f'{{"token": "{small}"}}', 400, "invalid_field", "token")


async def test_abc_is_no_expiry() -> None:
    await _error_response("/rtc/stage/host/uid/7/?expiry=abc", None, 400, "invalid_field", "expiry")


async def test_half_a_request_on_a_kept_connection_does_not_spoil_the_next() -> None:
    """A refused body is drained, so that what follows on the connection is the next request."""
    async with serving(DEMO) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", "/demo/getToken", b"x" * 20_000) + request_bytes("GET", "/ping", None))
        assert [(await read_reply(reader)).status for _ in range(2)] == [413, 200]
        writer.close()
