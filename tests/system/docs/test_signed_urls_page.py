"""docs/signed-urls.md: its files load, its command runs, its options, claims and reasons are the real ones."""

import re
import shlex
from pathlib import Path

from tests.running import CERTIFICATE, ROOT, tokend
from tests.unit.auth.urls.test_url_forgeries import FORGED
from tokend.auth.signed_url import UrlClaims
from tokend.config.loading import load
from tokend.core.deny_entries import parse_entries

PAGE = (ROOT / "docs/signed-urls.md").read_text()
SECRET = "0123456789-signing-key-of-32-bytes"
ENVIRONMENT = {
    "DEMO_APP_CERTIFICATE": CERTIFICATE,
    **dict.fromkeys(("DEMO_URL_SIGNING_KEY", "OLD_KEY", "NEW_KEY"), SECRET),
}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def _rows(heading: str) -> list[str]:
    return re.findall(r"^\| `(.*?)` \|", PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0], re.M)


def test_its_files_load_and_its_entries_are_entries(tmp_path: Path) -> None:
    blocks = _blocks("yaml")
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "config.yaml").write_text(block)
        assert load(None, ENVIRONMENT, tmp_path).apps["demo"].url_signing is not None
    (entries,) = _blocks("json")
    found, problems = parse_entries(entries.encode())
    assert (len(found), problems) == (2, [])


def test_its_command_runs_on_its_first_file_and_prints_such_lines(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_blocks("yaml")[0])
    (command,), (prints,) = _blocks("sh"), _blocks("text")
    name, *arguments = shlex.split(command)
    assert name == "tokend"
    done = tokend(tmp_path, ENVIRONMENT, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for line, shown in zip(done.stdout.splitlines(), prints.splitlines(), strict=True):
        head = shown.partition("…")[0] if "…" in shown else shown[:9]
        assert line.startswith(head)


def test_it_has_every_option_claim_and_only_real_reasons(tmp_path: Path) -> None:
    usage = tokend(tmp_path, {}, "key", "url", "--help").stdout
    assert set(_rows("Make one")) == set(re.findall(r"^  (--[a-z-]+)", usage, re.M))
    assert _rows("Make them in a program of your own") == list(UrlClaims.model_fields)
    met = {f"signed URL: {reason}" for _, reason in FORGED.values()}
    assert len(_rows("When one is rejected")) == 5
    assert set(_rows("When one is rejected")) <= met
