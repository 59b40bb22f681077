"""P6 at the vendor: its packages read the lifetimes that were asked for, on every route."""

import re
from typing import Any, Final

from tests.oracle import Vendor
from tests.unit.http.lifetime_ways import WAYS, everything, send
from tests.unit.http.running import APP_ID, CERTIFICATE, NOW, Serving, configuration_of
from tests.unit.http.wire import Reply
from tokend.backends.agora.base import MAX_TTL

_DEFAULT: Final = 3_600


def _tokens(reply: Reply) -> list[str]:
    return re.findall(rf"(?:007e|006{APP_ID})[A-Za-z0-9+/=]+", reply.body.decode().replace("\\/", "/"))


async def test_what_the_vendor_reads(vendor: Vendor, serving: Serving) -> None:
    """The shortest, the longest and the usual lifetime of every way, out of the vendor's packages."""
    questions: list[dict[str, Any]] = []
    expected: list[int] = []
    async with serving(configuration_of(everything())) as server:
        for way in WAYS.values():
            for seconds in (60, MAX_TTL, None) if way.field else (None,):
                for token in _tokens(await send(server, way, seconds, sent=seconds is not None)):
                    old = (
                        {"op": "verify006", "channel": "", "uid": ""}
                        if token.startswith("006")
                        else {"op": "verify007"}
                    )
                    questions.append({**old, "token": token, "app_id": APP_ID, "certificate": CERTIFICATE})
                    expected.append(_DEFAULT if seconds is None else seconds)
    assert len(questions) > 2 * len(WAYS)
    for answer, seconds in zip(vendor.ask_all(questions), expected, strict=True):
        assert answer["read"] is True
        if "services" in answer:
            assert answer["issue_ts"] == NOW
            read = [one["privileges"].values() for one in answer["services"] if one["type"] != 4]
            assert {answer["expire"], *(number for several in read for number in several)} == {seconds}
        else:
            assert {until - NOW for until in answer["privileges"].values()} == {seconds}
