"""The API-Examples send a certificate: it is never logged, nor told back, whatever becomes of the request."""

import pytest

from tests.unit.dialects.transcripts import ANYBODY
from tests.unit.http.running import APP_ID, Serving

_TEXT = f"{ANYBODY['every capability']}    routes: [{{path: /, dialect: agora-samples}}]\n"
_THEIRS = "fedcba98765432100123456789abcdef"
_BODY = f'"appCertificate": "{_THEIRS}", "channelName": "stage", "uid": "7", "type": 1'
_OWN = f'"appId": "{APP_ID}"'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f"{{{_OWN}, {_BODY}}}", 200),
        (f'{{"appId": "{_THEIRS}", {_BODY}}}', 403),
        (f'{{{_OWN}, {_BODY}, "expire": 1}}', 400),
        (f'{{{_OWN}, {_BODY}, "more": 1}}', 400),
        (f"{{{_OWN}, {_BODY}, {_BODY}}}", 400),
        (f"{{{_OWN}, {_BODY}", 400),
        (f'{{{_OWN}, {_BODY}, "src": "{"x" * 20_000}"}}', 413),
    ],
    ids=["issued", "wrong app", "lifetime", "unknown field", "twice", "broken", "too large"],
)
async def test_a_clients_certificate_goes_nowhere(body: str, status: int, serving: Serving) -> None:
    async with serving(_TEXT) as server:
        for path in ("/v1/token/generate", "/v2/token/generate"):
            reply = await server.token_request("POST", path, body.encode())
            assert reply.status == (status if path.startswith("/v1") or status == 413 else 400)  # v2 has no type
            assert _THEIRS.encode() not in reply.raw
        assert server.lines
        assert _THEIRS.encode() not in server.log.getvalue()


async def test_its_value_makes_no_difference(serving: Serving) -> None:
    async with serving(_TEXT) as server:
        answers = set()
        for value in (f'"{_THEIRS}"', '""', "null", "7", '["x"]'):
            body = f'{{{_OWN}, "appCertificate": {value}, "channelName": "stage", "uid": "7", "type": 1}}'
            answers.add((await server.token_request("POST", "/v1/token/generate", body.encode())).body)
        assert len(answers) == 1
