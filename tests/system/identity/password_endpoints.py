"""Where docs/identity.md has a user sign in by password: one endpoint each of Firebase, Supabase and Keycloak, on loopback.

None of their servers can be had here, and oidc-provider knows no password. So these stand in for them: each takes the
request that its vendor documents, answers with the fields that are documented, and refuses as that does. The tokens are
oidc-provider's, which it gives `ada` when she signs in.

Google: cloud.google.com/identity-platform/docs/reference/rest/v1/accounts/signInWithPassword. Supabase:
`POST /token?grant_type=password` of github.com/supabase/auth. Keycloak: RFC 6749, section 4.3, at the token endpoint of a realm.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.plain_web import plain_web

VARIABLES: Final = {"WEB_API_KEY": "AIza-of-the-tests", "SUPABASE_KEY": "sb_publishable_of_the_tests"}
"""What the page has its reader's shell hold."""
EMAIL: Final = "ada@example.com"
PASSWORD: Final = "…"
"""As the page writes it."""
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


class Asked(NamedTuple):
    """A request. `sent`: the JSON or the form of its body."""

    query: Mapping[str, str]
    headers: Message
    kind: str
    sent: Mapping[str, Any]


HttpResponse = tuple[int, dict[str, Any]]
SignIn = Callable[[], str]


def _firebase(asked: Asked, token: SignIn) -> HttpResponse:
    if asked.query != {"key": VARIABLES["WEB_API_KEY"]} or asked.kind != _JSON:
        message = "API key not valid. Please pass a valid API key."
        return 400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    if asked.sent != {"email": EMAIL, "password": PASSWORD, "returnSecureToken": True}:
        return 400, {"error": {"code": 400, "message": "INVALID_LOGIN_CREDENTIALS"}}
    return 200, {
        "kind": "identitytoolkit#VerifyPasswordResponse",
        "localId": "ada",
        "email": EMAIL,
        "displayName": "",
        "idToken": token(),
        "registered": True,
        "refreshToken": "a-refresh-token",
        "expiresIn": "3600",
    }


def _supabase(asked: Asked, token: SignIn) -> HttpResponse:
    if asked.headers.get("apikey") != VARIABLES["SUPABASE_KEY"]:
        return 401, {"message": "Invalid API key"}
    if asked.query != {"grant_type": "password"} or asked.kind != _JSON:
        return 400, {"code": 400, "error_code": "validation_failed", "msg": "unsupported_grant_type"}
    if asked.sent != {"email": EMAIL, "password": PASSWORD}:
        return 400, {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
    return 200, {
        "access_token": token(),
        "token_type": "bearer",
        "expires_in": 3600,
        "refresh_token": "a-refresh-token",
        "user": {"id": "ada", "aud": "authenticated", "role": "authenticated", "email": EMAIL},
    }


def _keycloak(asked: Asked, token: SignIn) -> HttpResponse:
    if asked.kind != _FORM or asked.sent.get("grant_type") != "password":
        return 400, {"error": "unsupported_grant_type", "error_description": "Unsupported grant_type"}
    if asked.sent.get("client_id") != "web":
        return 401, {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}
    if (asked.sent.get("username"), asked.sent.get("password")) != ("ada", PASSWORD):
        return 401, {"error": "invalid_grant", "error_description": "Invalid user credentials"}
    return 200, {
        "access_token": token(),
        "expires_in": 300,
        "refresh_expires_in": 1800,
        "refresh_token": "a-refresh-token",
        "token_type": "Bearer",
        "not-before-policy": 0,
        "session_state": "a-session",
        "scope": "profile email",
    }


_ENDPOINTS: Final = {
    "/v1/accounts:signInWithPassword": _firebase,
    "/auth/v1/token": _supabase,
    "/realms/demo/protocol/openid-connect/token": _keycloak,
}


def password_endpoints(token: SignIn) -> AbstractContextManager[str]:
    """Their address. `token` gives ada's."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url, kind = urlsplit(self.path), self.headers["Content-Type"]
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = json.loads(body) if kind == _JSON else dict(parse_qsl(body))
            asked = Asked(dict(parse_qsl(url.query)), self.headers, kind, sent)
            status, answer = _ENDPOINTS[url.path](asked, token) if url.path in _ENDPOINTS else (404, {})
            self.send_response(status)
            self.send_header("Content-Type", _JSON)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    return plain_web(Handler)
