"""Random tokens for 100ms, and npm's @100mslive/server-sdk 0.3.0: it makes the same claims, and its jsonwebtoken reads ours."""

import json
import subprocess
from pathlib import Path
from random import Random
from typing import Any, Final

from tokend_hms import Hms, HmsFields, HmsOptions

from tokend.plugins import AppCredentials, Issuance, Secret

MANY: Final = 100_000
"""The vendor's jsonwebtoken takes about 5 ms for a token."""
ACCESS_KEY: Final = "64b5a1f0c3d2e1f4a5b6c7d8"
SECRET: Final = "Vq8n2k_7Yx5tZp1LwR3mJd9bHs6fGc4uAe0oKiNyTxQ="
NODE: Final = Path(__file__).parents[2] / "tests/node"
_BATCH: Final = 5_000
_SCRIPT: Final = """
const { SDK } = require("@100mslive/server-sdk");
const reader = require(require.resolve("jsonwebtoken", { paths: [require.resolve("@100mslive/server-sdk")] }));
const { key, secret, cases } = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const sdk = new SDK(key, secret);
Promise.all(cases.map(async ({ config, token, now }) => {
  const made = await sdk.auth.getAuthToken(config);
  return [reader.decode(made.token, { complete: true }), reader.verify(token, secret, { complete: true, clockTimestamp: now })];
})).then((results) => console.log(JSON.stringify(results)));
"""


def backend(**options: object) -> Hms:
    """A backend with these options."""
    usual = {
        "access_key": ACCESS_KEY,
        "secret": [Secret(SECRET)],
        "roles": {"host": "moderator", "guest": "publisher", "viewer-realtime": "subscriber"},
    }
    return Hms(HmsOptions.model_validate({**usual, **options}), AppCredentials(None, {}))


def fields_of(random: Random) -> dict[str, Any]:
    """The fields of a random token request."""
    return {
        "room": f"{random.getrandbits(96):024x}",
        "role": random.choice(("host", "guest", "viewer-realtime")),
        "user": random.choice(("ann", "ann@example.com", "Zoë Müller", "用户 7", 'a "b" \\', "x" * 128)),
    }


def differences(count: int, seed: int) -> list[str]:
    """Sentences on tokens that differ from those of the vendor. `count`: how many tokens are made."""
    random, found = Random(seed), []
    for start in range(0, count, _BATCH):
        found += _differences(min(_BATCH, count - start), random)
    return found


def _differences(count: int, random: Random) -> list[str]:
    found, cases, ours = [], [], backend()
    for _ in range(count):
        fields, ttl, issued_at = (
            fields_of(random),
            random.randint(60, 86_400),
            random.randint(1_700_000_000, 1_900_000_000),
        )
        grant = ours.grant(HmsFields.model_validate(fields), ttl)
        token = ours.mint(grant, Issuance(issued_at, random.getrandbits(128))).token
        config = {"roomId": fields["room"], "role": fields["role"], "userId": fields["user"], "issuedAt": issued_at}
        config |= {"notValidBefore": issued_at - 10, "validForSeconds": ttl + 10}
        cases.append({"config": config, "token": token, "now": random.randint(issued_at, issued_at + ttl - 1)})
    asked = json.dumps({"key": ACCESS_KEY, "secret": SECRET, "cases": cases})
    done = subprocess.run(["node", "-e", _SCRIPT], input=asked, capture_output=True, text=True, check=True, cwd=NODE)
    for case, (theirs, read) in zip(cases, json.loads(done.stdout), strict=True):
        identifiers = [part["payload"].pop("jti") for part in (theirs, read)]
        if (theirs["header"], theirs["payload"]) != (read["header"], read["payload"]):
            found.append(f"{case}: {theirs} and {read}")
        if {(len(text), text[14]) for text in identifiers} != {(36, "4")}:
            found.append(f"{case}: {identifiers}")
    return found
