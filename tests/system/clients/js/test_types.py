"""The types of the JavaScript client: they hold for its code, and for strict programs that use the vendors' packages."""

import json
import re
import shutil
from pathlib import Path
from typing import Final

from tests.oracle import HERE as NODE
from tests.running import ROOT
from tests.system.browser.parts import HERE as BROWSER
from tests.system.clients.js.node import PROGRAMS, need_node, run

CLIENT: Final = ROOT / "clients/js"
_STRICT: Final = ("--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom,dom.iterable")
_MODULES: Final = ("--module", "nodenext", "--moduleResolution", "nodenext")
_PACKAGES: Final = {
    NODE: ("ably", "livekit-client", "@livekit", "@bufbuild", "jose", "pusher-js"),
    BROWSER: ("agora-chat", "agora-rtc-sdk-ng", "agora-rtm-sdk"),
}


async def _compile(directory: Path, *arguments: str) -> None:
    await run(str(NODE / "node_modules/typescript/bin/tsc"), *_STRICT, *arguments, directory=directory)


async def test_the_types_hold_for_the_code() -> None:
    need_node(NODE, "typescript")
    await _compile(CLIENT, *_MODULES, "--allowJs", "--checkJs", "--exactOptionalPropertyTypes", "tokend-client.js")
    await _compile(CLIENT, *_MODULES, "--exactOptionalPropertyTypes", "tokend-client.d.ts")


async def test_the_types_need_no_types_of_a_page() -> None:
    """A program for a worker or Node has no `RTCPeerConnection`, and its compiler rejected the types."""
    need_node(NODE, "typescript")
    await _compile(CLIENT, *_MODULES, "--lib", "es2022,webworker", "tokend-client.d.ts")


def test_the_types_name_what_the_code_exports() -> None:
    export = re.compile(r"^export (?:async )?(?:function|class) (\w+)", re.MULTILINE)
    names = [set(export.findall((CLIENT / f"tokend-client.{suffix}").read_text())) for suffix in ("js", "d.ts")]
    assert names[0] == names[1]
    assert len(names[0]) == 10


async def _compile_with_packages(directory: Path, *programs: str) -> None:
    need_node(NODE, "typescript", "ably", "livekit-client", "pusher-js")
    need_node(BROWSER, *_PACKAGES[BROWSER])
    modules = directory / "node_modules"
    modules.mkdir()
    for installed, packages in _PACKAGES.items():
        for package in packages:
            (modules / package).symlink_to(installed / "node_modules" / package)
    (modules / "tokend-client").symlink_to(CLIENT)
    # the vendors' packages are not strict themselves
    await _compile(directory, "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck", *programs)


async def test_a_strict_program_with_the_packages_of_the_vendors_compiles(tmp_path: Path) -> None:
    shutil.copy(PROGRAMS / "consumer.ts", tmp_path)
    await _compile_with_packages(tmp_path, "consumer.ts")


async def test_the_agora_examples_compile_with_the_lines_for_typescript(tmp_path: Path) -> None:
    page = (ROOT / "docs/clients/javascript.md").read_text()
    lines = re.findall(r"^```ts\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0].splitlines()
    programs = {}
    for number, heading in enumerate(("Agora RTC", "Agora Signaling (RTM)", "Agora Chat")):
        code = re.findall(rf"^## {re.escape(heading)}\n.*?^```js\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
        beginning = lines[number].partition("(")[0] + "("
        assert code.count(f"\n{beginning}") == 1
        changed = "\n".join(lines[number] if line.startswith(beginning) else line for line in code.splitlines())
        programs[f"{number}.ts"] = f"import type {{ TokenAnswer }} from 'tokend-client'\n{changed}"
    for name, program in programs.items():
        (tmp_path / name).write_text(program)
    await _compile_with_packages(tmp_path, *programs)


def test_the_package_holds_its_files_and_needs_nothing() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    assert not {"dependencies", "peerDependencies", "scripts"} & package.keys()
    named = [*package["files"], package["main"], package["types"], *package["exports"]["."].values()]
    assert all((CLIENT / name).is_file() for name in named)
    assert (ROOT / "tokend/console/client.js").resolve() == (CLIENT / "tokend-client.js").resolve()
