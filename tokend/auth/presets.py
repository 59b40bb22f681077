"""Presets: identity providers for the scheme `jwt` and proxies for `forward_auth`."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tokend.core.claims import ClaimPath, Condition


class Preset(Struct, frozen=True):
    """An identity provider. Its texts contain `{name}` for each part that the configuration must give (`needs`).

    `jwks` None: found by OIDC discovery. `audience` None: the configuration names it. `require`: conditions on claims.
    """

    needs: tuple[str, ...]
    issuer: str
    audience: str | None = None
    jwks: str | None = None
    by_azp: bool = False
    cookie: str | None = None
    require: tuple[Condition, ...] = ()


PRESETS: Final[Mapping[str, Preset]] = {
    "firebase": Preset(
        needs=("project",),
        issuer="https://securetoken.google.com/{project}",
        audience="{project}",
        jwks="https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    ),
    "supabase": Preset(
        needs=("project",),
        issuer="https://{project}.supabase.co/auth/v1",
        audience="authenticated",
        jwks="https://{project}.supabase.co/auth/v1/.well-known/jwks.json",
    ),
    "cognito": Preset(
        needs=("region", "pool"),
        issuer="https://cognito-idp.{region}.amazonaws.com/{pool}",
        jwks="https://cognito-idp.{region}.amazonaws.com/{pool}/.well-known/jwks.json",
        by_azp=True,  # an access token has client_id instead of aud
        require=(Condition(ClaimPath(("token_use",)), ("access", "id")),),
    ),
    "clerk": Preset(
        needs=("domain",),
        issuer="https://{domain}",
        jwks="https://{domain}/.well-known/jwks.json",
        by_azp=True,
        cookie="__session",
    ),
    "auth0": Preset(needs=("domain",), issuer="https://{domain}/", jwks="https://{domain}/.well-known/jwks.json"),
    "keycloak": Preset(needs=("url", "realm"), issuer="{url}/realms/{realm}", by_azp=True),
}


class ForwardPreset(Struct, frozen=True):
    """The headers of a proxy: for the user, for other claims, and for claims with commas between items (`lists`)."""

    user: str
    claims: Mapping[str, str]
    lists: Mapping[str, str]


FORWARD_PRESETS: Final[Mapping[str, ForwardPreset]] = {
    "oauth2-proxy": ForwardPreset(  # its responses to nginx and Traefik, with --set-xauthrequest
        user="X-Auth-Request-User",
        claims={"email": "X-Auth-Request-Email", "preferred_username": "X-Auth-Request-Preferred-Username"},
        lists={"groups": "X-Auth-Request-Groups"},
    ),
    "authelia": ForwardPreset(
        user="Remote-User",
        claims={"email": "Remote-Email", "name": "Remote-Name"},
        lists={"groups": "Remote-Groups"},
    ),
}
