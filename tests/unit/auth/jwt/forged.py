"""Forged and mistaken tokens by name, each with the reason that the log must give."""

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.unit.auth.jwt.making import CLAIMS, ISSUER, OTHER, b64, good, jwk, pem, raw, with_secret
from tests.unit.http.running import NOW

ASYMMETRIC = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519"
HEADER = {"alg": "ES256", "kid": "ec", "typ": "JWT"}
UNSIGNED = "the signature is by none of the issuer's keys"
_CUT = ": it was cut off or changed, as when it was copied"
SPELLING = f"a part of the token is base64 in another spelling{_CUT}"
NOT_BASE64 = f"a part of the token is not base64url{_CUT}"
NO_JSON = f"a part of the token is no JSON{_CUT}"
TWICE = "a part of the token has a key twice"
NO_NAME = "no registered name"
TYPE = "typ is none of JWT and at+jwt"
CRIT = "the header has crit or b64, which nothing here understands"
TRUSTED = "; trusted: https://clerk.example.com and https://id.example.com and https://id.example.com/realms/demo"
AUD = "caller web expects tokend"
TENANT = 'require: claims.tenant is not "demo"'


def _alg(found: str) -> str:
    return f"alg is {found}, caller web takes {ASYMMETRIC}"


def _time(name: str) -> str:
    return f"{name} is no time"


def _payload(**claims: object) -> dict[str, Any]:
    return {**CLAIMS, **claims}


def _text(claims: str) -> bytes:
    """The usual claims as JSON, with this text before their end."""
    return json.dumps({**CLAIMS, "exp": None}).replace('"exp": null', claims).encode()


def _none(spelling: object, signature: str = "") -> str:
    return f"{b64(json.dumps({'alg': spelling}).encode())}.{b64(json.dumps(CLAIMS).encode())}.{signature}"


def _hmac(key: str | bytes, algorithm: str = "HS256", **header: object) -> str:
    as_bytes = key.encode() if isinstance(key, str) else key
    return raw({"alg": algorithm, "kid": "rsa", **header}, _payload(), as_bytes, algorithm)


def _part(index: int, change: Callable[[str], str], token: str | None = None) -> str:
    parts = (token or good()).split(".")
    parts[index] = change(parts[index])
    return ".".join(parts)


def _der(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    both = base64.urlsafe_b64decode(signature + "==")
    return f"{signed}.{b64(encode_dss_signature(int.from_bytes(both[:32]), int.from_bytes(both[32:])))}"


def _spare_bits(part: str) -> str:
    """The same bytes, with a bit set where none belongs."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def _standard(part: str) -> str:
    """In the alphabet of ordinary base64."""
    return part.replace("-", "+").replace("_", "/")


def _odd_letters() -> str:
    """A good token whose claims hold letters that are spelt with - or _."""
    token = good(note="~~~???>>>")
    assert set("-_") & set(token.split(".")[1])
    return token


FORGED: dict[str, tuple[Callable[[], str], str]] = {
    # algorithms
    "alg none": (lambda: _none("none"), _alg("none")),
    "alg None": (lambda: _none("None"), _alg(NO_NAME)),
    "alg NONE": (lambda: _none("NONE"), _alg(NO_NAME)),
    "alg nOnE": (lambda: _none("nOnE"), _alg(NO_NAME)),
    "alg none with a blank": (lambda: _none("none "), _alg(NO_NAME)),
    "alg none with a signature": (lambda: _none("none", "AAAA"), _alg("none")),
    "alg empty": (lambda: _none(""), _alg(NO_NAME)),
    "alg null": (lambda: _none(None), _alg(NO_NAME)),
    "alg a list": (lambda: _none(["ES256"]), _alg(NO_NAME)),
    "alg a number": (lambda: _none(256), _alg(NO_NAME)),
    "alg missing": (lambda: raw({"kid": "ec"}, _payload()), _alg(NO_NAME)),
    "alg in small letters": (lambda: raw({**HEADER, "alg": "es256"}, _payload()), _alg(NO_NAME)),
    "alg ES256K": (lambda: raw({**HEADER, "alg": "ES256K"}, _payload()), _alg("ES256K")),
    "HS256 with the public PEM": (lambda: _hmac(pem("rsa")), _alg("HS256")),
    "HS256 with the public PEM without its last newline": (lambda: _hmac(pem("rsa").strip()), _alg("HS256")),
    "HS256 with the public JWK": (lambda: _hmac(json.dumps(jwk("rsa"))), _alg("HS256")),
    "HS256 with the modulus": (lambda: _hmac(jwk("rsa")["n"]), _alg("HS256")),
    "HS512 with the public PEM": (lambda: _hmac(pem("rsa"), "HS512"), _alg("HS512")),
    "HS256 with another caller's secret": (lambda: with_secret(iss=ISSUER), _alg("HS256")),
    "RS256 said, HS256 made": (lambda: _hmac(pem("rsa"), alg="RS256"), UNSIGNED),
    "PS256 said, RS256 made": (lambda: raw({"alg": "PS256", "kid": "rsa"}, _payload(), "rsa", "RS256"), UNSIGNED),
    "RS512 said, RS256 made": (lambda: raw({"alg": "RS512", "kid": "rsa"}, _payload(), "rsa", "RS256"), UNSIGNED),
    "an EC key for RS256": (
        lambda: raw({"alg": "RS256", "kid": "ec"}, _payload(), "rsa", "RS256"),
        f"there is no key 'ec' for RS256 of {ISSUER}",
    ),
    "a P-256 key for ES512": (
        lambda: raw({**HEADER, "alg": "ES512"}, _payload()),
        f"there is no key 'ec' for ES512 of {ISSUER}",
    ),
    "an Ed25519 key for ES256": (
        lambda: raw({**HEADER, "kid": "ed"}, _payload()),
        f"there is no key 'ed' for ES256 of {ISSUER}",
    ),
    # keys
    "a stranger's key under a known kid": (lambda: good("ec-stranger", header={"kid": "ec"}), UNSIGNED),
    "a stranger's RSA key": (lambda: good("rsa-stranger", header={"kid": "rsa"}), UNSIGNED),
    "a stranger's Ed25519 key": (lambda: good("ed-stranger", header={"kid": "ed"}), UNSIGNED),
    "a stranger's key and kid": (lambda: good("ec-stranger"), f"there is no key 'ec-stranger' for ES256 of {ISSUER}"),
    "the key of another issuer": (lambda: good("ec-other"), f"there is no key 'ec-other' for ES256 of {ISSUER}"),
    "the key of another issuer under a kid of this": (lambda: good("ec-other", header={"kid": "ec"}), UNSIGNED),
    "this issuer's key in another's name": (lambda: good(iss=OTHER), f"there is no key 'ec' for ES256 of {OTHER}"),
    "the kid of another key": (lambda: good("rsa", header={"kid": "rsa-old"}), UNSIGNED),
    "no kid, several keys": (
        lambda: good("rsa", header={"kid": None}),
        f"kid is missing, and {ISSUER} has several keys",
    ),
    "kid empty": (lambda: good(header={"kid": ""}), f"there is no key '' for ES256 of {ISSUER}"),
    "kid a path": (
        lambda: good(header={"kid": "../../dev/null"}),
        f"there is no key '../../dev/null' for ES256 of {ISSUER}",
    ),
    "kid a newline": (
        lambda: good(header={"kid": "ec\n{}"}),
        f"there is no key (no printable text) for ES256 of {ISSUER}",
    ),
    "kid a number": (lambda: raw({**HEADER, "kid": 1}, _payload()), "kid is no text"),
    "kid a list": (lambda: raw({**HEADER, "kid": ["ec"]}, _payload()), "kid is no text"),
    "an embedded jwk": (
        lambda: good("ec-stranger", header={"jwk": jwk("ec-stranger")}),
        f"there is no key 'ec-stranger' for ES256 of {ISSUER}",
    ),
    "an embedded jwk under a known kid": (
        lambda: good("ec-stranger", header={"jwk": jwk("ec-stranger"), "kid": "ec"}),
        UNSIGNED,
    ),
    "jku": (lambda: good("ec-other", header={"jku": f"{OTHER}/jwks", "kid": "ec"}), UNSIGNED),
    "x5u": (lambda: good("ec-other", header={"x5u": f"{OTHER}/chain.pem", "kid": "ec"}), UNSIGNED),
    "x5c": (lambda: good("rsa-stranger", header={"x5c": ["MIIB"], "kid": "rsa"}), UNSIGNED),
    # headers
    "crit": (lambda: raw({**HEADER, "crit": ["exp"]}, _payload()), CRIT),
    "crit of something unknown": (lambda: raw({**HEADER, "crit": ["x"], "x": 1}, _payload()), CRIT),
    "crit empty": (lambda: raw({**HEADER, "crit": []}, _payload()), CRIT),
    "crit null": (lambda: raw({**HEADER, "crit": None}, _payload()), CRIT),
    "b64 false": (lambda: raw({**HEADER, "b64": False, "crit": ["b64"]}, _payload()), CRIT),
    "b64 null": (lambda: raw({**HEADER, "b64": None}, _payload()), CRIT),
    "typ of a logout token": (lambda: good(header={"typ": "logout+jwt"}), TYPE),
    "typ of DPoP": (lambda: good(header={"typ": "dpop+jwt"}), TYPE),
    "typ JOSE": (lambda: good(header={"typ": "JOSE"}), TYPE),
    "typ empty": (lambda: raw({**HEADER, "typ": ""}, _payload()), TYPE),
    "typ null": (lambda: raw({**HEADER, "typ": None}, _payload()), TYPE),
    "typ a list": (lambda: raw({**HEADER, "typ": ["JWT"]}, _payload()), TYPE),
    # times
    "exp missing": (lambda: good(exp=None), "exp is missing"),
    "exp past": (lambda: good(exp=NOW - 30), "exp is past"),
    "exp long past": (lambda: good(exp=1), "exp is past"),
    "exp 0": (lambda: good(exp=0), "exp is past"),
    "exp negative": (lambda: good(exp=-1), "exp is out of range"),
    "exp 1e300": (lambda: raw(HEADER, _text('"exp": 1e300')), "exp is out of range"),
    "exp a whole number of 300 digits": (
        lambda: raw(HEADER, _text(f'"exp": {"9" * 300}')),
        "exp is out of range",
    ),
    "exp a whole number of 400 digits": (lambda: raw(HEADER, _text(f'"exp": {"9" * 400}')), NO_JSON),
    "exp 1e400": (lambda: raw(HEADER, _text('"exp": 1e400')), NO_JSON),
    "exp NaN": (lambda: raw(HEADER, _text('"exp": NaN')), NO_JSON),
    "exp Infinity": (lambda: raw(HEADER, _text('"exp": Infinity')), NO_JSON),
    "exp in milliseconds": (lambda: good(exp=(NOW + 600) * 1000), "exp is out of range"),
    "exp a text": (lambda: raw(HEADER, _payload(exp=str(NOW + 600))), _time("exp")),
    "exp true": (lambda: raw(HEADER, _payload(exp=True)), _time("exp")),
    "exp null": (lambda: raw(HEADER, _payload(exp=None)), _time("exp")),
    "exp a list": (lambda: raw(HEADER, _payload(exp=[NOW + 600])), _time("exp")),
    "nbf in the future": (lambda: good(nbf=NOW + 31), "nbf lies in the future"),
    "nbf a text": (lambda: raw(HEADER, _payload(nbf="0")), _time("nbf")),
    "iat in the future": (lambda: good(iat=NOW + 31), "iat lies in the future"),
    "iat false": (lambda: raw(HEADER, _payload(iat=False)), _time("iat")),
    # audiences and issuers
    "aud missing": (lambda: good(aud=None), f"aud is missing, {AUD}"),
    "aud another": (lambda: good(aud="account"), f"aud is 'account', {AUD}"),
    "aud in other letters": (lambda: good(aud="Tokend"), f"aud is 'Tokend', {AUD}"),
    "aud with a blank": (lambda: good(aud="tokend "), f"aud is 'tokend ', {AUD}"),
    "aud empty": (lambda: good(aud=""), f"aud is '', {AUD}"),
    "aud a list without it": (lambda: good(aud=["account", "other"]), f"aud is a list of 2, of which none fits, {AUD}"),
    "o14: aud another, unsigned": (
        lambda: _part(2, lambda _: "", good(aud="a-stranger-wrote-this")),
        f"aud does not fit, and the signature is not verified; {AUD}",
    ),
    "o14: aud a list, by a stranger's key": (
        lambda: good("ec-stranger", header={"kid": "ec"}, aud=["a-stranger-wrote-this"]),
        f"aud does not fit, and the signature is not verified; {AUD}",
    ),
    "o14: aud missing, unsigned": (
        lambda: _part(2, lambda _: "", good(aud=None)),
        f"aud is missing, and the signature is not verified; {AUD}",
    ),
    "o14: typ of a stranger": (lambda: good(header={"typ": "a-stranger-wrote-this"}), TYPE),
    "o14: alg of a stranger": (
        lambda: raw({**HEADER, "alg": "a-stranger-wrote-this"}, _payload()),
        _alg(NO_NAME),
    ),
    "o14: kid of 200 characters": (
        lambda: good(header={"kid": "k" * 200}),
        f"there is no key '{'k' * 80}' for ES256 of {ISSUER}",
    ),
    "aud an empty list": (lambda: good(aud=[]), f"aud is an empty list, {AUD}"),
    "aud nested": (lambda: good(aud=[["tokend"]]), f"aud is a list of 1, of which none fits, {AUD}"),
    "aud a list with a number": (lambda: good(aud=["tokend", 1]), f"aud is a list of 2, of which none fits, {AUD}"),
    "aud a mapping": (lambda: good(aud={"tokend": True}), f"aud is neither text nor a list, {AUD}"),
    "aud another, azp this, no preset": (lambda: good(aud="account", azp="tokend"), f"aud is 'account', {AUD}"),
    "iss missing": (lambda: good(iss=None), f"no caller here trusts a token without iss{TRUSTED}"),
    "iss another": (
        lambda: good(iss="https://evil.example.com"),
        f"no caller here trusts the issuer 'https://evil.example.com'{TRUSTED}",
    ),
    "iss with a slash": (lambda: good(iss=f"{ISSUER}/"), f"no caller here trusts the issuer '{ISSUER}/'{TRUSTED}"),
    "iss in other letters": (
        lambda: good(iss=ISSUER.upper()),
        f"no caller here trusts the issuer '{ISSUER.upper()}'{TRUSTED}",
    ),
    "iss a list": (
        lambda: raw(HEADER, _payload(iss=[ISSUER])),
        f"no caller here trusts the issuer (no printable text){TRUSTED}",
    ),
    "iss of 10 lines": (lambda: good(iss="\n" * 10), f"no caller here trusts the issuer (no printable text){TRUSTED}"),
    # other claims
    "sub empty": (lambda: good(sub=""), "sub must be text that is not empty"),
    "sub a number": (lambda: raw(HEADER, _payload(sub=7)), "sub must be text that is not empty"),
    "sub null": (lambda: raw(HEADER, _payload(sub=None)), "sub must be text that is not empty"),
    "require: missing": (lambda: good(tenant=None), TENANT),
    "require: another": (lambda: good(tenant="other"), TENANT),
    "require: true for text": (lambda: good(tenant=True), TENANT),
    "require: nested too deep": (lambda: good(tenant=[["demo"]]), TENANT),
    "a claim twice": (lambda: raw(HEADER, _text(f'"exp": {NOW + 600}, "sub": "bob"')), TWICE),
    "a claim twice, the second escaped": (lambda: raw(HEADER, _text(f'"exp": {NOW + 600}, "s\\u0075b": "bob"')), TWICE),
    "alg twice": (lambda: raw(b'{"alg":"ES256","alg":"none","kid":"ec"}', _payload()), TWICE),
    # spelling
    "padding": (lambda: _part(1, lambda one: one + "=" * (-len(one) % 4), _with_spare_bits()), SPELLING),
    "padding of the signature": (lambda: _part(2, lambda one: one + "=="), SPELLING),
    "the other alphabet": (lambda: _part(1, _standard, _odd_letters()), SPELLING),
    "spare bits in the claims": (lambda: _part(1, _spare_bits, _with_spare_bits()), SPELLING),
    "spare bits in the signature": (lambda: _part(2, _spare_bits), SPELLING),
    "a letter more": (lambda: _part(2, lambda one: one[:-1]), NOT_BASE64),
    "a comma within": (lambda: _part(1, lambda one: f"{one[:4]},{one[4:]}"), NOT_BASE64),
    "a percent sign": (lambda: _part(0, lambda one: "%" + one), NOT_BASE64),
    # signatures
    "signature empty": (lambda: _part(2, lambda _: ""), UNSIGNED),
    "signature of zeros": (lambda: _part(2, lambda _: b64(bytes(64))), UNSIGNED),
    "signature one byte short": (lambda: _part(2, lambda _: b64(bytes(63))), UNSIGNED),
    "signature of another token": (lambda: _part(2, lambda _: good(sub="bob").split(".")[2]), UNSIGNED),
    "claims of another token": (lambda: _part(1, lambda _: good(sub="bob").split(".")[1]), UNSIGNED),
    "an RSA signature of zeros": (lambda: _part(2, lambda _: b64(bytes(256)), good("rsa")), UNSIGNED),
    "ES256 in DER": (lambda: _der(good()), UNSIGNED),
    "an Ed25519 signature of zeros": (lambda: _part(2, lambda _: b64(bytes(64)), good("ed")), UNSIGNED),
    # what is no token
    "claims a list": (lambda: raw(HEADER, b"[]"), "a part of the token is no JSON object"),
    "claims a text": (lambda: raw(HEADER, b'"x"'), "a part of the token is no JSON object"),
    "claims null": (lambda: raw(HEADER, b"null"), "a part of the token is no JSON object"),
    "claims empty": (lambda: raw(HEADER, b""), NO_JSON),
    "header a list": (lambda: raw(b"[]", _payload()), "a part of the token is no JSON object"),
    "claims not UTF-8": (lambda: raw(HEADER, b'{"sub":"\xff"}'), NO_JSON),
    "a lone surrogate": (lambda: raw(HEADER, b'{"sub":"\\ud800"}'), NO_JSON),
    "claims in UTF-16": (lambda: raw(HEADER, json.dumps(CLAIMS).encode("utf-16")), NO_JSON),
    "two documents": (lambda: raw(HEADER, b"{}{}"), NO_JSON),
    "deep JSON": (lambda: raw(HEADER, b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"), NO_JSON),
    "claims within claims": (
        lambda: raw(HEADER, {"claims": CLAIMS}),
        f"no caller here trusts a token without iss{TRUSTED}",
    ),
    "nothing but dots": (lambda: "..", NO_JSON),
    # the caller with a secret
    "RS256 for a caller with a secret": (
        lambda: good("rsa", iss="machine"),
        "alg is RS256, caller machine takes HS256",
    ),
    "HS512 for a caller with a secret": (
        lambda: raw({"alg": "HS512"}, _payload(iss="machine"), b"a-secret-of-at-least-32-characters", "HS512"),
        "alg is HS512, caller machine takes HS256",
    ),
    "another secret": (lambda: with_secret("another-secret-of-32-characters!!"), UNSIGNED),
    "an empty secret": (lambda: raw({"alg": "HS256"}, _payload(iss="machine"), b"", "HS256"), UNSIGNED),
}


def _with_spare_bits() -> str:
    """A good token whose claims end in letters with bits to spare."""
    return next(token for length in range(3) if len((token := good(note="x" * length)).split(".")[1]) % 4)
