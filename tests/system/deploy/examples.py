"""The proxies of docs/deploy.md and docs/operating.md in front of a server: its example, with other names and ports."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.running import ROOT
from tests.system.proxy import caddy, nginx
from tests.system.proxy.upstream import kept

_PAGE: Final = (ROOT / "docs/deploy.md").read_text()
CADDYFILE: Final = re.findall(r"^```caddyfile\n(.*?)^```", _PAGE, re.M | re.S)[0]
_GLOBAL: Final = "{\nadmin off\nskip_install_trust\nhttp_port {$HTTP_PORT}\nhttps_port {$HTTPS_PORT}\n"
MISSING: Final = {"caddy": caddy.missing, "nginx": nginx.missing}


class Proxy(NamedTuple):
    """Where it listens, and what trusts its certificate, if it has one."""

    url: str
    tls: ssl.SSLContext | None


@contextmanager
def proxying(name: str, directory: Path, port: int, *in_caddy: str, also: str = "") -> Iterator[Proxy]:
    """`caddy` or `nginx` in front of a server on this port. `directory` is empty. `in_caddy`: lines of `reverse_proxy`.

    `also`: another server for Caddy.
    """
    if name == "nginx":
        upstream, location = kept(port)
        with nginx.proxying(directory, location, upstream) as url:
            yield Proxy(url, None)
        return
    assert CADDYFILE.count("tokens.example.com") == CADDYFILE.count("127.0.0.1:8080") == 1
    assert CADDYFILE.startswith("{\n")  # its global options
    site = CADDYFILE.replace("tokens.example.com", "localhost").replace("127.0.0.1:8080", f"127.0.0.1:{port} {also}")
    before, opening, after = site.partition(f":{port} {also} {{")
    site = "\n".join([before + opening, *in_caddy, after])
    with caddy.proxying(directory, _GLOBAL + site.removeprefix("{\n"), {}) as running:
        yield Proxy(running.url, running.tls)
