"""Apps of a vendor's package: the configurations on its page, in process, and a server on loopback that people would run."""

import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.running import ROOT
from tokend.config.assemble import assemble
from tokend.config.entry_points import BACKENDS
from tokend.config.secrets import Secrets
from tokend.config.yaml_tree import parse
from tokend.issuing.configuration import Configuration


def page(vendor: str) -> str:
    """The text of `docs/vendors/<vendor>.md`."""
    return (ROOT / "docs/vendors" / f"{vendor}.md").read_text("utf-8")


def blocks(text: str, form: str) -> list[str]:
    """The blocks of a page that are of this form, such as yaml."""
    return re.findall(rf"^```{form}\n(.*?)^```$", text, re.M | re.S)


def example(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first request on a page, as `POST /demo/v1/token` with a body, and the answer that the page shows."""
    (body,) = re.findall(r"^`POST /demo/v1/token` with `(.*?)`\s", text, re.M)[:1]
    return json.loads(body), json.loads(blocks(text, "json")[0])


def configuration(text: str, secrets: Mapping[str, str]) -> Configuration:
    """The configuration of a YAML text, with the backends that are installed. `secrets`: values of `{env: …}`."""
    return assemble(parse(text, "config.yaml"), "config.yaml", Secrets(secrets, Path()), BACKENDS.load)


def posted(url: str, body: Mapping[str, object]) -> Any:
    """The answer of a running server."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
