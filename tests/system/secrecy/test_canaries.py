"""That the search would find a secret, in whatever form it comes out."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.system.secrecy.canaries import CERTIFICATES, SECRETS, found


@pytest.mark.parametrize("name", SECRETS)
def test_every_form_is_found(name: str) -> None:
    secret = SECRETS[name]
    raw = secret.encode()
    written = {
        "as it is": b"..." + raw + b"...",
        "upper case": raw.upper(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "URL": "".join(f"%{one:02X}" for one in raw).encode(),
        "url": quote(secret, safe="").encode(),
        "JSON": json.dumps({"x": secret}).encode(),
        "JSON in escapes": "".join(f"\\u{one:04X}" for one in raw).encode(),
        **{f"base64 after {n}": base64.b64encode(b"x" * n + raw + b"yz") for n in range(7)},
        **{f"base64url after {n}": base64.urlsafe_b64encode(b"?" * n + raw + b"yz") for n in range(7)},
    }
    for form, text in written.items():
        assert found({form: text}) == [f"{name} in {form}"]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_eight_bytes_of_a_certificate_are_found_where_they_are_looked_for(name: str) -> None:
    text = b"x" + CERTIFICATES[name][11:19].encode() + b"y"
    assert found({"answer": text}) == []
    assert found({"answer": text}, in_pieces=True) == [f"eight bytes of {name} in answer"]
    assert found({"answer": b"x" + CERTIFICATES[name][11:18].encode()}, in_pieces=True) == []
    assert found({"answer": bytes.fromhex(CERTIFICATES[name])}) == [f"{name} in answer"]
