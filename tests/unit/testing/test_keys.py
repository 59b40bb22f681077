"""RSA keys for the tests of packages."""

import jwt
import pytest

from tokend.backends.json_web_tokens import JwtKeys
from tokend.core.secrets import Secret
from tokend.testing import new_rsa_key, public_rsa_key


def test_a_token_of_the_private_key_is_verified_by_the_public_one() -> None:
    pem = new_rsa_key()
    token = JwtKeys("RS256", [Secret(pem)]).sign({"sub": "ann"})
    assert jwt.decode(token, public_rsa_key(pem), ["RS256"]) == {"sub": "ann"}


def test_what_is_no_rsa_key_has_no_public_key() -> None:
    with pytest.raises(ValueError):  # the text is that of cryptography
        public_rsa_key("no key")
