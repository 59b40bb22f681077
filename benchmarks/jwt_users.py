"""Users of an identity provider: JWTs (ES256) that are signed here, and last a day."""

import time
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

_KEY: Final = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY: Final = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FIRST_USER: Final = 1000


@cache
def tokens(count: int) -> tuple[str, ...]:
    """So many users' tokens. The first one's subject is FIRST_USER, and each next one's is one more."""
    key, now = ECKey.import_key(_KEY), int(time.time())
    claims: dict[str, object] = {"iss": "https://id.example.com", "aud": "tokend", "org": "acme", "roles": ["host"]}
    claims |= {"iat": now, "exp": now + 86_400}
    return tuple(
        jwt.encode({"alg": "ES256"}, {**claims, "sub": str(FIRST_USER + number), "jti": str(number)}, key)
        for number in range(count)
    )
