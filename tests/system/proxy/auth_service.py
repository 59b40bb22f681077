"""A stand-in for oauth2-proxy: says yes to the cookie of a user that it knows, and names the user in its answer's headers."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

USERS: Final[Mapping[str, Mapping[str, str]]] = {
    "alice": {"User": "alice", "Email": "alice@example.com", "Groups": "staff,host"},
    "bob": {"User": "bob", "Email": "bob@example.com"},
    "zoë": {"User": "zoë", "Groups": "host"},
    "nobody": {},
}
"""What `X-Auth-Request-…` says of the owner of a session: all that it knows of them."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        session = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        known = USERS.get(bytes.fromhex(session.value).decode()) if session and self.path == "/oauth2/auth" else None
        self.send_response(401 if known is None else 202)
        for name, value in (known or {}).items():
            self.send_header(f"X-Auth-Request-{name}", value.encode().decode("latin-1"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def asking() -> Iterator[int]:
    """The port that it listens on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cookie(user: str) -> str:
    """The Cookie header of a user's session."""
    return f"session={user.encode().hex()}"
