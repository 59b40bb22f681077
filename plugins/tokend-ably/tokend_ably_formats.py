"""How Ably writes a grant: its capability, TokenRequests and the claims of JWTs."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tokend.plugins import ANY, Grant, Secret

CHANNEL_CLAIM = "ably.channel."
"""What precedes a channel in the name of a claim that Ably shows others there."""
QUALIFIED = "qualified-resource"
"""The privilege of a resource that is a queue or a metachannel: no operation of Ably."""


def canonical(grant: Grant) -> str:
    """The capability of a grant as JSON: resources and operations sorted, without spaces."""
    capability = {
        "*" if service.channel is ANY else str(service.channel): (
            ["*"] if "*" in service.privileges else sorted(service.privileges.keys() - {QUALIFIED})
        )
        for service in grant.services
    }
    return compact(dict(sorted(capability.items())))


def client_of(grant: Grant) -> str | None:
    """The clientId of a grant."""
    client = grant.services[0].user
    return "*" if client is ANY else client if isinstance(client, str) else None


def request_of(grant: Grant, issued_at: int, nonce: str, key_name: str) -> dict[str, Any]:
    """A TokenRequest without its mac. Times are in milliseconds."""
    client = {"clientId": client} if (client := client_of(grant)) else {}
    times = {"timestamp": issued_at * 1000, "nonce": nonce}
    return {"keyName": key_name, "ttl": grant.ttl * 1000, "capability": canonical(grant), **client, **times}


def mac_of(unsigned: Mapping[str, Any], secret: Secret) -> str:
    """The signature of a TokenRequest: of a line for each value, empty for one that is left out."""
    names = ("keyName", "ttl", "capability", "clientId", "timestamp", "nonce")
    lines = "".join(f"{unsigned.get(name, '')}\n" for name in names)
    return base64.b64encode(hmac.digest(secret.reveal().encode(), lines.encode(), "sha256")).decode()


def jwt_claims(grant: Grant, issued_at: int) -> dict[str, Any]:
    """The claims of a JWT."""
    detail = grant.services[0].detail
    claims: dict[str, Any] = {"iat": issued_at, "exp": issued_at + grant.ttl, "x-ably-capability": canonical(grant)}
    if client := client_of(grant):
        claims["x-ably-clientId"] = client
    if "revocation_key" in detail:
        claims["x-ably-revocation-key"] = detail["revocation_key"]
    channel_claims: Any = detail.get("channel_claims", {})
    return {**claims, **{f"{CHANNEL_CLAIM}{name}": text for name, text in channel_claims.items()}}


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
