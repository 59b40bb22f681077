"""The reloader by itself: which files it notices, whatever else happens during a reload."""

import asyncio
import io
import json
import threading
import time
from pathlib import Path

import pytest

from tests.unit.config.writing import APP_ID, CERTIFICATE, DIGEST, ENVIRONMENT, ONE_APP, OTHER, write
from tokend.config.files import Files
from tokend.config.isolation import Isolated
from tokend.config.loading import Source, comparable, load_for_start
from tokend.http import differences
from tokend.http import reloader as reloader_module
from tokend.http.differences import difference_of
from tokend.http.reloader import Reloader, log_invalid_apps
from tokend.telemetry.log import JsonLog
from tokend.telemetry.metrics import Metrics

TWO_CHANGES = 2


async def test_a_file_that_changes_while_a_reload_runs_is_in_force_after_the_next(tmp_path: Path) -> None:
    config = ONE_APP.replace("{env: CERTIFICATE}", "{file: certificate}")
    write(tmp_path, {"config.yaml": config, "certificate": CERTIFICATE})
    source = Source(None, ENVIRONMENT, tmp_path)
    files = Files()
    installed: list[str] = []

    async def install(isolated: Isolated, files: Files) -> list[str]:
        """A reload that is not over yet while the certificate changes once more."""
        backend = isolated.configuration.apps["demo"].backends["rtc"]
        installed.append(backend.app_credentials.certificates["primary"].reveal())
        if len(installed) == 1:
            write(tmp_path, {"certificate": OTHER})
        return []

    log = JsonLog(io.BytesIO(), time.time)
    reloader = Reloader(source, load_for_start(source, files), files, install, log, Metrics(), lambda *_: ())
    watching = asyncio.create_task(reloader.watch())
    write(tmp_path, {"certificate": CERTIFICATE[::-1]})
    async with asyncio.timeout(10):
        while len(installed) < TWO_CHANGES:
            await asyncio.sleep(0.05)
    watching.cancel()
    assert installed == [CERTIFICATE[::-1], OTHER]


def _readable_by_others(directory: Path, names: list[str]) -> str:
    """The text of apps whose certificates are files that others can read."""
    for name in names:
        file = directory / f"{name}.pem"
        file.write_text(CERTIFICATE)
        file.chmod(0o644)
    return "".join(
        f'  {name}: {{app_id: "APP_ID", certificate: {{file: "./{name}.pem"}}, callers: {{a: {{api_key: "DIGEST"}}}}}}\n'
        for name in names
    )


def test_invalid_apps_with_the_same_problems_are_one_line_of_the_log(tmp_path: Path) -> None:
    names = [f"app{number}" for number in range(31)]
    write(tmp_path, {"config.yaml": f"{ONE_APP}{_readable_by_others(tmp_path, names)}  odd: {{}}\n"})
    written = io.BytesIO()
    log_invalid_apps(JsonLog(written, time.time), load_for_start(Source(None, ENVIRONMENT, tmp_path), Files()))
    alike, odd = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (alike["apps"], odd["app"]) == (names, "odd")
    (problem,) = alike["problems"]
    assert "chmod 600" in problem
    assert "(the same for 30 more apps: " in problem


async def test_a_rejected_reload_says_once_what_many_apps_have_alike(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    source, files, written = Source(None, ENVIRONMENT, tmp_path), Files(), io.BytesIO()

    async def install(isolated: Isolated, files: Files) -> list[str]:
        raise AssertionError("nothing is installed")

    log = JsonLog(written, time.time)
    reloader = Reloader(source, load_for_start(source, files), files, install, log, Metrics(), lambda *_: ())
    apps = _readable_by_others(tmp_path, [f"app{number}" for number in range(31)])
    write(tmp_path, {"config.yaml": f"server: {{on_invalid_app: refuse}}\n{ONE_APP}{apps}"})
    reloaded = await reloader.reload()
    (problem,) = reloaded.problems
    assert "(the same for 30 more apps: " in problem
    assert json.loads(written.getvalue().splitlines()[-1])["problems"] == [problem]


def _reloader(directory: Path, **more: str) -> Reloader:
    """One whose configurations nobody serves. `more`: further variables."""

    async def install(isolated: Isolated, files: Files) -> list[str]:
        return []

    source, files, log = Source(None, ENVIRONMENT | more, directory), Files(), JsonLog(io.BytesIO(), time.time)
    return Reloader(source, load_for_start(source, files), files, install, log, Metrics(), lambda *_: ())


async def test_what_is_written_is_not_read_in_the_thread_of_the_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tokend diff` and `/-/config` of 4,000 apps held up every request for two to three seconds."""
    threads: list[threading.Thread] = []

    def reading(source: Source, files: Files) -> dict[str, object]:
        threads.append(threading.current_thread())
        return comparable(source, files)

    for module in (differences, reloader_module):
        monkeypatch.setattr(module, "comparable", reading)
    write(tmp_path, {"config.yaml": ONE_APP})
    await difference_of(_reloader(tmp_path))
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_a_new_admin_key_is_named_by_diff_and_by_the_reload_since_the_old_one_still_counts(
    tmp_path: Path,
) -> None:
    server = f'server: {{admin: {{listen: 127.0.0.1:8081, key: "{DIGEST}"}}}}\n'
    write(tmp_path, {"config.yaml": server + ONE_APP})
    reloader = _reloader(tmp_path)
    assert (await difference_of(reloader))["settings"] == []
    write(tmp_path, {"config.yaml": server.replace("0" * 64, "1" * 64) + ONE_APP})
    assert (await difference_of(reloader))["settings"] == ["server.admin.key"]
    reloaded = await reloader.reload()
    assert reloaded.at_next_start == ("some of what changed below `server` takes effect at the next start",)
    assert (await reloader.reload()).at_next_start == reloaded.at_next_start, "it still waits"
    write(tmp_path, {"config.yaml": server + ONE_APP})
    assert (await reloader.reload()).at_next_start == ()


@pytest.mark.parametrize(
    ("key", "waits"), [("log: {level: warning}", False), ("instance: web-1", False), ("drain: 7s", True)]
)
async def test_diff_says_what_waits_for_the_next_start_only_if_something_does(
    key: str, waits: bool, tmp_path: Path
) -> None:
    """`tokend diff` said it of any key below `server`, also of those that the reload applies."""
    write(tmp_path, {"config.yaml": ONE_APP})
    reloader = _reloader(tmp_path)
    write(tmp_path, {"config.yaml": f"server: {{{key}}}\n{ONE_APP}"})
    assert bool((await difference_of(reloader))["at_next_start"]) is waits


async def test_a_new_key_of_a_caller_is_named_by_diff(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": ONE_APP})
    reloader = _reloader(tmp_path)
    write(tmp_path, {"config.yaml": ONE_APP.replace("0" * 64, "1" * 64)})
    assert (await difference_of(reloader))["apps"]["demo"]["keys"] == ["callers.studio.api_key"]


class _Panic(BaseException):
    """As of a library in Rust."""


@pytest.mark.parametrize("bug", [KeyError("what a client sent"), _Panic("what a client sent")])
async def test_a_bug_in_a_reload_is_told_and_the_next_reload_works(tmp_path: Path, bug: BaseException) -> None:
    """An exception ended the task that handles signals, or the one that watches: nothing was reloaded any more."""
    write(tmp_path, {"config.yaml": ONE_APP})
    source, files, written = Source(None, ENVIRONMENT, tmp_path), Files(), io.BytesIO()
    bugs = [bug]

    async def install(isolated: Isolated, files: Files) -> list[str]:
        if bugs:
            raise bugs.pop()
        return []

    log = JsonLog(written, time.time)
    reloader = Reloader(source, load_for_start(source, files), files, install, log, Metrics(), lambda *_: ())
    write(tmp_path, {"config.yaml": f"{ONE_APP}\n# changed"})
    reloaded = await reloader.reload()
    (problem,) = reloaded.problems
    assert problem.startswith(f"a bug, not an error of the configuration: {type(bug).__name__} at ['reloader.py:")
    assert "client" not in written.getvalue().decode()
    assert (await reloader.reload()).problems == ()


async def test_a_configuration_that_is_gone_is_not_replaced_by_the_environment(tmp_path: Path) -> None:
    """A file that was removed for a moment opened the server to anybody, without its audit and its deny list."""
    write(tmp_path, {"config.yaml": ONE_APP})
    reloader = _reloader(tmp_path, APP_ID=APP_ID, APP_CERTIFICATE=CERTIFICATE)
    config = tmp_path / "config.yaml"
    config.unlink()
    for becomes_directory in (False, True):
        if becomes_directory:
            config.mkdir()
        reloaded = await reloader.reload()
        assert reloaded.result == "refused"
        assert "config.yaml: cannot be read" in reloaded.problems[0]
        assert set(reloader.configuration.apps) == {"demo"}
    config.rmdir()
    write(tmp_path, {"config.yaml": ONE_APP})
    assert (await reloader.reload()).result == "unchanged"


async def test_a_file_that_only_dotenv_names_is_not_replaced_by_the_environment_either(tmp_path: Path) -> None:
    """The reload took the file that was served. A worker that was replaced later took the environment alone."""
    write(tmp_path, {"tokens.yaml": ONE_APP, ".env": "TOKEND_CONFIG=tokens.yaml\n"})
    reloader = _reloader(tmp_path, APP_ID=APP_ID, APP_CERTIFICATE=CERTIFICATE)
    (tmp_path / ".env").unlink()
    reloaded = await reloader.reload()
    assert reloaded.problems == ("tokens.yaml: is served, but nothing names it now: set TOKEND_CONFIG again",)
    of_new_worker = reloader.source.load_isolated(Files(reloader.files.record())).configuration
    assert set(of_new_worker.apps) == set(reloader.configuration.apps) == {"demo"}
    assert set((await reloader.written())["apps"]) == {"demo"}
