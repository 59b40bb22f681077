"""docs/vendors/README.md: tokens of two vendors in one answer."""

import re
from pathlib import Path
from typing import Final

import jwt

from tests.running import ROOT
from tests.unit.http.running import Serving
from tokend.config.loading import load

PAGE: Final = (ROOT / "docs/vendors/README.md").read_text()
SECRETS: Final = {"LIVEKIT_API_SECRET": "Zk7qWv0rTy3uXo5pLs8dFg1hJc2bNm4e", "PUSHER_SECRET": "7ad3773142a6692b25b8"}


async def test_two_vendors_in_one_answer(serving: Serving, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (request,) = re.findall(r"^```json request\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.yaml").write_text(example)
    async with serving(load(None, SECRETS, tmp_path)) as server:
        reply = await server.token_request("POST", "/demo/join", request.encode())
        refused = await server.token_request("POST", "/demo/join", request.replace("guest-7", "ann").encode())
    assert reply.status == 200, reply.body
    assert reply.json.keys() == {"token", "url", "auth", "data"}
    claims = jwt.decode(
        reply.json["token"],
        SECRETS["LIVEKIT_API_SECRET"],
        ["HS256"],
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["video"]["room"]) == ("guest-7", "lobby-1")
    assert reply.json["auth"].startswith("demo-key:")
    assert '"user_id":"guest-7"' in reply.json["data"].replace(" ", "")
    assert refused.status == 403
