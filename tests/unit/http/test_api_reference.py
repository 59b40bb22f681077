"""The API reference: Swagger UI where the extra `docs` is installed, and the plain page of before where it is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.http.running import DEMO, OPEN, serving
from tokend.http import api_reference, console

FILES = {
    "swagger-ui.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "reference.js": "text/javascript",
    "reference.css": "text/css",
}


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if offapi were not installed."""
    api_reference.directory.cache_clear()
    monkeypatch.setattr(api_reference, "_PACKAGE", "no_such_package")
    yield
    monkeypatch.undo()
    api_reference.directory.cache_clear()


@pytest.mark.parametrize(("text", "prefix"), [(DEMO, "/demo"), (OPEN, "")])
async def test_the_page_loads_only_files_of_this_server(text: str, prefix: str) -> None:
    async with serving(text) as server:
        reply = await server.token_request("GET", f"{prefix}/docs")
        assert reply.status == 200
        policy = reply.headers["content-security-policy"]
        assert policy == console.CONTENT_SECURITY_POLICY
        assert "unsafe" not in policy
        page = reply.body.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", page)
        assert f'data-document="{prefix}/openapi.json"' in page
        named = set(re.findall(r'<(?:link|script)[^>]* (?:src|href)="([^"]+)"', page)) - {"data:,"}
        assert named == {f"{prefix}/docs/{name}" for name in FILES}
        for name, content_type in FILES.items():
            file = await server.token_request("GET", f"{prefix}/docs/{name}")
            assert (file.status, file.headers["content-type"]) == (200, f"{content_type}; charset=utf-8")
            assert file.body


def test_it_is_below_the_prefix_that_it_is_mounted_at() -> None:
    page = api_reference.page("tokend: demo", "/tokens/demo").body.decode()
    assert 'src="/tokens/demo/docs/swagger-ui.js"' in page


def test_the_page_escapes_what_it_shows() -> None:
    page = api_reference.page("<script>alert(1)</script>", '/"><script>').body
    assert page.count(b"<script") == 2
    assert b"&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("name", ["index.html", "swagger_bundle.js", "scalar.js", "__init__.py", "x.js"])
async def test_there_are_no_other_files(name: str) -> None:
    async with serving(DEMO) as server:
        assert (await server.token_request("GET", f"/demo/docs/{name}")).status == 404


@pytest.mark.usefixtures("without_extra")
async def test_without_the_extra_the_plain_page_is_served_and_no_file() -> None:
    async with serving(DEMO) as server:
        reply = await server.token_request("GET", "/demo/docs")
        assert b"<h1>tokend: demo</h1>" in reply.body
        assert "script-src" not in reply.headers["content-security-policy"]
        assert reply.body == (await server.token_request("GET", "/demo/docs/plain")).body
        for name in FILES:
            assert (await server.token_request("GET", f"/demo/docs/{name}")).status == 404


def test_a_package_without_the_viewers_files_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emptyviewer").mkdir()
    (tmp_path / "emptyviewer/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(api_reference, "_PACKAGE", "emptyviewer")
    api_reference.directory.cache_clear()
    assert api_reference.directory() is None
    monkeypatch.undo()
    api_reference.directory.cache_clear()
