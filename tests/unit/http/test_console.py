"""The console: its files are served to apps that have it, and to no other; its policy lets nothing else run."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import pytest

from tests.running import ROOT
from tests.unit.http.running import OPEN, serving
from tokend.http import console

WITH_CONSOLE: Final = OPEN.replace("  demo:\n", "  demo:\n    console: true\n", 1)


async def _get(text: str, path: str) -> tuple[int, Mapping[str, str], bytes]:
    async with serving(text) as server:
        reply = await server.token_request("GET", path)
        return reply.status, reply.headers, reply.body


async def test_the_page_loads_only_its_own_files_and_may_not_be_framed() -> None:
    status, headers, body = await _get(WITH_CONSOLE, "/console")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert b'data-mode="app"' in body
    text = body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", text)
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', text)) <= {
        f"/console/{entry.name}" for entry in files("tokend").joinpath("console").iterdir()
    }


@pytest.mark.parametrize(("name", "content_type"), [("main.js", "text/javascript"), ("console.css", "text/css")])
async def test_its_files_have_the_type_that_a_browser_needs(name: str, content_type: str) -> None:
    status, headers, body = await _get(WITH_CONSOLE, f"/console/{name}")
    assert (status, headers["content-type"]) == (200, f"{content_type}; charset=utf-8")
    assert body


@pytest.mark.parametrize("path", ["/console/index.html", "/console/nothing.js", "/docs/x.js"])
async def test_there_are_no_other_files(path: str) -> None:
    status, headers, _ = await _get(WITH_CONSOLE, path)
    assert (status, headers["content-type"].split(";")[0]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/console", "/console/main.js"])
async def test_an_app_that_does_not_ask_for_it_has_none(path: str) -> None:
    assert (await _get(OPEN, path))[0] == 404


@pytest.mark.parametrize("mode", ["app", "admin", "remote"])
def test_the_page_says_whose_console_it_is(mode: console.Mode) -> None:
    assert f'data-mode="{mode}"'.encode() in console.page(mode).body


def test_the_url_of_a_server_elsewhere_is_escaped() -> None:
    body = console.page("remote", url='https://tokens.example.com/a"><script>').body.decode()
    assert 'data-url="https://tokens.example.com/a&quot;&gt;&lt;script&gt;"' in body


@pytest.mark.parametrize("text", [OPEN, WITH_CONSOLE], ids=["without a console", "with one"])
async def test_the_client_is_served_as_it_is_in_its_package(text: str) -> None:
    status, headers, body = await _get(text, "/client.js")
    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert body == (ROOT / "clients" / "js" / "tokend-client.js").read_bytes()


@pytest.mark.parametrize("path", ["/console", "/console/"])
async def test_its_files_are_found_with_a_slash_at_the_end_of_its_path_too(path: str) -> None:
    _, _, body = await _get(WITH_CONSOLE, path)
    assert b'src="/console/main.js"' in body
