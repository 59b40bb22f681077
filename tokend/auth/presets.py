"""Identity providers by name: each a few lines of data for the scheme `jwt`."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Preset(NamedTuple):
    """Texts with `{name}` for what the configuration has to give (`needs`). `jwks` None: by OIDC discovery.

    `audience` None: the configuration names it. `require`: claims with the values that they must have.
    """

    needs: tuple[str, ...]
    issuer: str
    audience: str | None = None
    jwks: str | None = None
    by_azp: bool = False
    cookie: str | None = None
    require: Mapping[str, object] = {}


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
        by_azp=True,  # an access token has client_id in the place of aud
        require={"claims.token_use": ["access", "id"]},
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
