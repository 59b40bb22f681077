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
    """The headers of a proxy, in lower case: for the user, who becomes `claims.sub`, and for other claims.

    `lists`: claims whose headers have commas between items.
    """

    user: str
    claims: Mapping[str, str]
    lists: Mapping[str, str]

    @property
    def headers(self) -> frozenset[str]:
        """All of them."""
        return frozenset((self.user, *self.claims.values(), *self.lists.values()))


FORWARD_PRESETS: Final[Mapping[str, ForwardPreset]] = {
    "oauth2-proxy": ForwardPreset(  # its responses to nginx and Traefik, with --set-xauthrequest
        user="x-auth-request-user",
        claims={"email": "x-auth-request-email", "preferred_username": "x-auth-request-preferred-username"},
        lists={"groups": "x-auth-request-groups"},
    ),
    "authelia": ForwardPreset(
        user="remote-user",
        claims={"email": "remote-email", "name": "remote-name"},
        lists={"groups": "remote-groups"},
    ),
}
