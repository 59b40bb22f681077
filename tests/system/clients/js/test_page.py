"""docs/clients/javascript.md and the README of the client: each snippet runs, against a running server."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import skip_or_fail
from tests.running import CERTIFICATE, DEMO, ROOT, serving
from tests.system.browser import parts
from tests.system.browser.watching import chromium
from tests.system.clients.js.node import PROGRAMS, bundle, need_node, run
from tests.system.clients.js.test_types import CLIENT
from tests.system.plugins.test_ably import SECRETS as ABLY_SECRETS
from tests.unit.http.running import KEY
from tokend.auth.key_digests import digest_of

PAGE: Final = (ROOT / "docs/clients/javascript.md").read_text()
README: Final = (CLIENT / "README.md").read_text()
STUBBED: Final = ("agora-rtc-sdk-ng", "agora-rtm-sdk", "agora-chat", "livekit-client", "pusher-js", "ably")
_YAML: Final = f"""
defaults:
  app_id: {{env: DEMO_APP_ID}}
  certificate: {{env: DEMO_APP_CERTIFICATE}}
  cors: {{origins: ["http://localhost:*", "http://127.0.0.1:*"]}}
apps:
  demo:
    backends:
      rtc: {{}}
      rtm: {{}}
      chat: {{}}
      livekit: {{api_key: APIabcdefghijklm, secret: {{env: SECRET}}, url: "wss://media.example.com"}}
      turn: {{secret: {{env: SECRET}}, uris: ["turn:turn.example.com"]}}
      pusher: {{keys: [{{key: 278d425bdf160c739803, secret: {{env: SECRET}}}}]}}
    callers:
      studio: {{api_key: "{digest_of(KEY)}"}}
      anybody: {{anonymous: true, rules: [{{channel: "*", user: "*"}}, {{kinds: [rtm, chat, turn], user: "*"}}]}}
"""
_ABLY: Final = """
apps:
  demo:
    backends: {ably: {keys: [{name: xVLyHw.I2jW-w, secret: {env: ABLY_SECRET}}]}}
    callers: {web: {anonymous: true, rules: [{channel: "chat:*", user: "guest-*"}]}}
"""
_ROOM: Final = """
window.seen = []
function Room({ channel }) {
  const { answer, error } = useToken(window.app, 'rtc', { channel, uid: 7 })
  window.seen.push([channel, answer?.token, error?.code])
  return <p>{channel}: {answer?.token ?? error?.code}</p>
}
window.join = (app, channel) => { window.app = app; root.render(<Room channel={channel} />) }
"""
_ENVIRONMENT: Final = {**DEMO, **ABLY_SECRETS, "SECRET": CERTIFICATE, "JWT_SECRET": CERTIFICATE}
_OF_NODE: Final = {"API_KEY": KEY, "JWT_SECRET": CERTIFICATE}


def snippet(heading: str, text: str = PAGE, language: str = "jsx?") -> str:
    """The code of a section."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


async def _done(
    code: str, directory: Path, yaml: str = _YAML, events: tuple[str, ...] = (), denied: str = ""
) -> dict[str, Any]:
    """What a snippet did, with stubs for the vendors' packages."""
    need_node()
    modules = directory / "node_modules"
    modules.mkdir()
    (modules / "tokend-client").symlink_to(CLIENT)
    shutil.copytree(PROGRAMS / "stubs", directory / "stubs")
    for package in STUBBED:
        (modules / package).mkdir()
        (modules / package / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
        stub = 'export * from "../../stubs/stubs.mjs"; export {default} from "../../stubs/stubs.mjs"'
        (modules / package / "index.js").write_text(stub)
    (directory / "config.yaml").write_text(yaml)
    for name in re.findall(r"`touch (\S+)`", PAGE):
        (directory / name).write_text(denied)
    with serving(directory, _ENVIRONMENT, lines=1) as server:
        url = f"{server.url}/demo"
        changed = re.sub(r"https://tokens\.example\.com/demo|http://127\.0\.0\.1:8080/demo", url, code)
        assert url in changed
        (directory / "snippet.mjs").write_text(changed)
        arguments = ("stubs/run.mjs", str(directory / "snippet.mjs"), *events)
        done: dict[str, Any] = json.loads(await run(*arguments, environment=_OF_NODE, directory=directory))
    return done


def _named(done: dict[str, Any], name: str) -> list[Any]:
    return [values for called, *values in done["calls"] if called == name]


async def test_the_source(tmp_path: Path) -> None:
    done = await _done(snippet("A source"), tmp_path)
    assert done["printed"][0].startswith("a token of the kind rtc until")


async def test_the_readme(tmp_path: Path) -> None:
    done = await _done(snippet("", README.replace("# tokend-client\n", "## \n")), tmp_path)
    assert done["printed"][0].startswith("a token of the kind rtc until")


async def test_agora_rtc(tmp_path: Path) -> None:
    events = ("token-privilege-will-expire", "token-privilege-did-expire")
    done = await _done(snippet("Agora RTC"), tmp_path, events=events)
    joined, again = _named(done, "join")
    assert joined == [DEMO["DEMO_APP_ID"], "demo-room", joined[2], 7]
    assert _named(done, "renewToken") == [[joined[2]]]  # it is new enough
    assert (again[:2], again[3]) == (joined[:2], 7)


async def test_agora_rtm(tmp_path: Path) -> None:
    done = await _done(snippet("Agora Signaling (RTM)"), tmp_path, events=("tokenPrivilegeWillExpire",))
    assert _named(done, "made") == [[DEMO["DEMO_APP_ID"], "ann"]]
    (login,) = _named(done, "login")
    assert _named(done, "renewToken") == [[login[0]["token"]]]


async def test_agora_chat(tmp_path: Path) -> None:
    done = await _done(snippet("Agora Chat"), tmp_path, events=("onTokenWillExpire", "onTokenExpired"))
    opened = [values[0] for values in _named(done, "open")]
    assert [values["user"] for values in opened] == ["ann", "ann"]
    assert _named(done, "renewToken") == [[opened[0]["accessToken"]]]


async def test_livekit(tmp_path: Path) -> None:
    done = await _done(snippet("LiveKit"), tmp_path)
    ((address, token),) = _named(done, "connect")
    assert (address, token[:3]) == ("wss://media.example.com", "eyJ")


async def test_pusher(tmp_path: Path) -> None:
    done = await _done(snippet("Pusher, Soketi, Reverb"), tmp_path)
    ((error, answer),) = done["answers"]
    assert error is None
    assert json.loads(answer["channel_data"]) == {"user_id": "ann"}


async def test_ably(tmp_path: Path) -> None:
    done = await _done(snippet("Ably"), tmp_path, _ABLY)
    ((error, token_request),) = done["answers"]
    assert error is None
    assert token_request["keyName"] == "xVLyHw.I2jW-w"


async def test_turn(tmp_path: Path) -> None:
    done = await _done(snippet("TURN"), tmp_path)
    (made,) = _named(done, "connection")
    (server,) = made[0]["iceServers"]
    assert (server["urls"], server["username"].partition(":")[2]) == (["turn:turn.example.com"], "ann")


async def test_a_test_of_a_page(tmp_path: Path) -> None:
    yaml = snippet("Test your page", language="yaml test.yaml")
    done = await _done(snippet("Test your page"), tmp_path, yaml)
    assert done["printed"] == ["renewed after 2 s"]


_ENDED: Final = ("/ 1000) + 600", "/ 1000) - 60")
_LIMITED: Final = ("    callers:", "    limits: {user: 1/m}\n    callers:")
_BLOCKED: Final = '{"app": "demo", "sub": "ada"}\n'


@pytest.mark.parametrize(
    ("code", "in_page", "in_file", "denied"),
    [
        ("401 `credential_invalid`", _ENDED, ("", ""), ""),
        ("403 `not_permitted`", ("", ""), ("", ""), _BLOCKED),
        ("429 `rate_limited`", ("", ""), _LIMITED, ""),
    ],
)
async def test_what_a_page_may_meet(
    code: str, in_page: tuple[str, str], in_file: tuple[str, str], denied: str, tmp_path: Path
) -> None:
    assert f"| {code} | " in PAGE
    twice = "for (let i = 0; i < 2; i++) await source.renew({ giveUpAfter: 1 }).catch(said)\n"
    page = snippet("Test your page").replace(*in_page).partition("const { issued_at")[0]
    page += "const said = (error) => console.log(error.status, `\\`${error.code}\\``)\n" + twice
    yaml = snippet("Test your page", language="yaml test.yaml").replace(*in_file)
    assert code in (await _done(page, tmp_path, yaml, denied=denied))["printed"]


def test_the_page_names_every_option_and_method() -> None:
    types = (CLIENT / "tokend-client.d.ts").read_text()
    for interface in ("TokenSourceOptions", "TokenSource"):
        body = types.partition(f"export interface {interface} {{")[2].partition("\n}\n")[0]
        names = set(re.findall(r"^    (\w+)[?(:]", body, re.MULTILINE))
        assert [name for name in sorted(names) if f"`{name}" not in PAGE] == []


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An app for a page in Chromium."""
    skip_or_fail(parts.missing())
    (tmp_path / "config.yaml").write_text(_YAML)
    with serving(tmp_path, _ENVIRONMENT) as server:
        yield f"{server.url}/demo"


async def test_the_first_page_works_with_the_shipped_configuration(tmp_path: Path) -> None:
    skip_or_fail(parts.missing())
    shutil.copy(ROOT / "config.yaml", tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    code = snippet("A first page", language="html")
    assert code.count("http://127.0.0.1:8080/demo") == 2
    with serving(tmp_path, DEMO) as server, parts.site(site) as origin:
        (site / "index.html").write_text(code.replace("http://127.0.0.1:8080", server.url))
        async with chromium() as browser:
            page = await browser.new_page()
            await page.goto(f"{origin.replace('127.0.0.1', 'localhost')}/index.html")
            await page.wait_for_function("document.body.textContent.includes(': 007')", timeout=parts.SECONDS * 1000)


async def test_react(url: str, tmp_path: Path) -> None:
    text = (ROOT / "docs/clients/react.md").read_text()
    client = f"'{CLIENT / 'tokend-client.js'}'"
    for name, code in re.findall(r"^```tsx (useToken.ts|Status.tsx)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        changed = code.replace("'tokend-client'", client).replace("'https://tokens.example.com/demo'", "window.app")
        (tmp_path / name).write_text(changed)
    show = "import { createRoot } from 'react-dom/client'\nimport { Status } from './Status'\n"
    show += "import { useToken } from './useToken'\nconst root = createRoot(document.body)\n"
    show += _ROOM
    show += "window.show = (app) => { window.app = app; root.render(app ? <Status key={app} /> : null) }\n"
    (tmp_path / "page.jsx").write_text(show)
    site = tmp_path / "site"
    site.mkdir()
    bundle(tmp_path / "page.jsx", site / "page.js")
    (site / "index.html").write_text('<!doctype html><body></body><script type="module" src="page.js"></script>')
    async with chromium() as browser:
        with parts.site(site) as origin:
            page = await browser.new_page()
            page.set_default_timeout(parts.SECONDS * 1000)
            await page.goto(f"{origin}/index.html")
            await page.evaluate("url => show(url)", url)
            await page.wait_for_function("document.body.textContent.startsWith('ready until')")
            await page.evaluate("url => show(url)", f"{url}/nothing")
            await page.locator("[role=alert]").wait_for()
            await page.evaluate("show(null)")
            await page.wait_for_function("document.body.textContent === ''")
            for channel, shown in (("demo-a", "demo-a: 007"), ("", ": capability_required"), ("demo-b", "demo-b: 007")):
                await page.evaluate("([url, channel]) => join(url, channel)", [url, channel])
                await page.wait_for_function("text => document.body.textContent.startsWith(text)", arg=shown)
            seen = await page.evaluate("seen")
            assert len({(channel, token) for channel, token, _ in seen if token}) == 2
            assert {channel for channel, _, code in seen if code} == {""}
