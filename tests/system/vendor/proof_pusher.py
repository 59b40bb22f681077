"""Random authorizations of the kind `pusher`, compared with those of Pusher's own library (PyPI pusher 3.3.4) byte for byte."""

import json
import random
import string
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pusher  # type: ignore[import-untyped]

from tokend.backends.pusher import KeyPair, Pusher, PusherFields, PusherOptions
from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 1_000_000
KEY: Final = "278d425bdf160c739803"
SECRET: Final = "7ad3773142a6692b25b8"
MASTER_KEY: Final = "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="
_LETTERS: Final = string.ascii_letters + string.digits + "_-=@,.;"
_PREFIXES: Final = ("private-", "private-encrypted-", "private-cache-", "presence-", "presence-cache-")


class CompactEncoder(json.JSONEncoder):
    """JSON without spaces and escapes: the vendor's servers take any, and sign the text as it is.

    Python writes numbers under 0.0001 in another form (9.5e-05 for 0.000095), so msgspec writes, and Python reads it back.
    """

    def encode(self, content: Any) -> str:
        text = msgspec.json.encode(content).decode()
        if json.loads(text) != content:
            raise AssertionError(f"{text} is not {content!r}")
        return text


def library() -> Any:
    """Pusher's library for the same app. It opens no connection."""
    return pusher.Pusher(
        app_id="1", key=KEY, secret=SECRET, encryption_master_key_base64=MASTER_KEY, json_encoder=CompactEncoder
    )


def differences(count: int, seed: int) -> list[str]:
    """How random authorizations differ from those of the library, in sentences."""
    choose, theirs = random.Random(seed), library()
    options = PusherOptions(keys=[KeyPair(key=KEY, secret=Secret(SECRET))], encryption_master_key=Secret(MASTER_KEY))
    ours = Pusher(options, AppCredentials(None, {}))
    found = []
    for number in range(count):
        fields = _random_fields(choose)
        issuance = Issuance(choose.randrange(1 << 31), choose.getrandbits(128))
        grant = ours.grant(PusherFields.model_validate(fields), choose.randrange(1, 86_401))
        minted = ours.mint(grant, issuance)
        expected = _expected(theirs, fields)
        if dict(minted.extra) != expected:
            found.append(f"{number}: {dict(minted.extra)}, expected {expected}")
        if mismatch := ours.verify(minted, grant, issuance):
            found.append(f"{number}: {mismatch.sentence}")
    return found


def _expected(theirs: Any, fields: Mapping[str, Any]) -> dict[str, object]:
    """What the library answers for the same user and channel."""
    info = {"name": fields["name"]} if "name" in fields else {}
    info |= fields.get("user_info", {})
    shown = {"user_info": info} if "name" in fields or "user_info" in fields else {}
    if fields.get("sign_in"):
        watchlist = {"watchlist": fields["watchlist"]} if "watchlist" in fields else {}
        answer = theirs.authenticate_user(fields["socket_id"], {"id": fields["user"], **shown, **watchlist})
    elif fields["channel"].startswith("presence-"):
        answer = theirs.authenticate(fields["channel"], fields["socket_id"], {"user_id": fields["user"], **shown})
    else:
        answer = theirs.authenticate(fields["channel"], fields["socket_id"])
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in answer.items()}


def _random_fields(choose: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {"socket_id": f"{choose.randrange(10**9)}.{choose.randrange(10**9)}"}
    if choose.random() < 0.2:
        fields |= {"sign_in": True, "user": _text(choose, _LETTERS, 128)}
        if choose.random() < 0.5:
            fields["watchlist"] = [_text(choose, _LETTERS, 20) for _ in range(choose.randrange(5))]
    else:
        prefix = choose.choice(_PREFIXES)
        fields["channel"] = prefix + _text(choose, _LETTERS, 200 - len(prefix))
        if not prefix.startswith("presence-"):
            return fields
        fields["user"] = _text(choose, f"{_LETTERS} *:/é語", 128)
    if choose.random() < 0.5:
        fields["name"] = _text(choose, f"{string.printable}é語😀\0", 40)
    if choose.random() < 0.5:
        fields["user_info"] = {
            "x" + _text(choose, string.printable, 10): choose.choice(
                (
                    choose.random(),
                    choose.randrange(-9, 1 << 60),
                    _text(choose, 'é"\\\n<>&/', 9),
                    None,
                    True,
                    [1, {"a": []}],
                    {},
                )
            )
            for _ in range(choose.randrange(4))
        }
    return fields


def _text(choose: random.Random, letters: str, longest: int) -> str:
    return "".join(choose.choices(letters, k=choose.randint(1, longest)))
