"""The transcripts of tests/unit/dialects: the vendor's packages read every token as they show it."""

from tests.oracle import Vendor
from tests.unit.dialects.notation import PLACEHOLDER, of_vendor, quoted, rebuilt_006
from tests.unit.dialects.test_transcripts import BY_CONFIGURATION, send, tokens_in
from tests.unit.dialects.transcripts import configuration_named
from tests.unit.http.running import CERTIFICATE, Serving


async def test_the_vendor_reads_every_token_as_the_transcript_shows_it(vendor: Vendor, serving: Serving) -> None:
    found: list[tuple[str, str]] = []
    for name, exchanges in BY_CONFIGURATION.items():
        async with serving(configuration_named(name)) as server:
            for one in exchanges:
                if PLACEHOLDER.search(one.answer_body):
                    reply = await send(server, one, one.target)
                    as_json = one.answer_body.startswith("{")
                    found += (
                        tokens_in(quoted(one.answer_body), reply.json)
                        if as_json
                        else [(one.answer_body, reply.body.decode())]
                    )
    modern = [(shown, token) for shown, token in found if token.startswith("007")]
    answers = vendor.ask_all({"op": "verify007", "token": token, "certificate": CERTIFICATE} for _, token in modern)
    assert [of_vendor(answer) for answer in answers] == [shown for shown, _ in modern]
    assert len(modern) > 150
    old = [(shown, token) for shown, token in found if token.startswith("006")]
    assert len(old) > 30
    rebuilt = vendor.ask_all(rebuilt_006(shown) for shown, _ in old)
    assert [answer["token"] for answer in rebuilt] == [token for _, token in old]
    assert len(modern) + len(old) == len(found)
