"""Keys that end: served up to their last second, then 401 in general words, with the reason in the log alone."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.running import CERTIFICATE
from tests.unit.commands import Command
from tests.unit.config.writing import ONE_APP, loaded
from tests.unit.http.running import APP_ID, KEY, NOW, WORLD, Serving
from tokend.auth.key_digests import digest_of

ENDS = "2027-01-15T08:00:00Z"
NEW = "the-key-that-follows"
URL_KEY = "url-key-that-nobody-guesses"
YAML = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers:
      studio:
        api_key:
          - {{sha256: "{digest_of(KEY)}", not_after: {ENDS}}}
          - "{digest_of(NEW)}"
      uikit:
        url_key: {{sha256: "{digest_of(URL_KEY).removeprefix("sha256:")}", not_after: "2027-01-15T09:00:00+01:00"}}
        rules: [{{kinds: rtm}}]
"""


@pytest.mark.parametrize(("late", "status"), [(-1, 200), (0, 200), (1, 401), (86_400, 401)])
async def test_a_key_counts_up_to_its_last_second(late: int, status: int, serving: Serving) -> None:
    async with serving(YAML, replace(WORLD, clock=lambda: NOW + late)) as server:
        for header in (("X-API-Key", KEY), ("Authorization", f"Bearer {KEY}")):
            assert (await server.token_request("GET", "/demo/rtm/ada", None, header)).status == status
        assert (await server.token_request("GET", f"/demo/k/{URL_KEY}/rtm/ada", None)).status == status
        assert (await server.token_request("GET", "/demo/rtm/ada", None, ("X-API-Key", NEW))).status == 200


async def test_the_log_says_which_key_ended_and_the_stranger_learns_nothing(serving: Serving) -> None:
    async with serving(YAML, replace(WORLD, clock=lambda: NOW + 1)) as server:
        unknown = await server.token_request("GET", "/demo/rtm/ada", None, ("X-API-Key", "nobody-has-it"))
        ended = await server.token_request("GET", "/demo/rtm/ada", None, ("X-API-Key", KEY))
        in_url = await server.token_request("GET", f"/demo/k/{URL_KEY}/rtm/ada", None)
        reasons = [line.get("reason") for line in server.lines]
    assert unknown.raw == ended.raw == in_url.raw
    assert reasons == [
        None,
        f"a key of caller studio (api_key) ended at {ENDS}",
        "a key of caller uikit (url_key) ended at 2027-01-15T09:00:00+01:00",
    ]


def test_check_warns_of_keys_that_have_ended(command: Command, tmp_path: Path) -> None:
    entry = '{sha256: "DIGEST", not_after: %s}'
    for ends, warned in (("2020-01-01T00:00:00Z", True), ("9999-12-31T23:59:59Z", False)):
        configuration = loaded(tmp_path, ONE_APP.replace('"sha256:' + "0" * 64 + '"', entry % ends))
        warning = f"app demo: a key of caller studio (api_key) ended at {ends}, and requests with that key are refused"
        assert configuration.warnings == ()
        assert configuration.warnings_at(NOW) == ((warning,) if warned else ())
        done = command(tmp_path, {"CERTIFICATE": CERTIFICATE}, "check")
        assert (f"warning: {warning}" in done.stdout) is warned
    assert configuration.warnings_at(253_402_300_799) == ()
    assert configuration.warnings_at(253_402_300_800) == (warning,)


@pytest.mark.parametrize(
    "ends", ["2027-01-15", "2027-01-15T08:00:00", "2027-01-15 08:00:00Z", "2027-01-15T08:00Z", "1800000000", "never"]
)
def test_a_time_without_its_zone_or_half_of_one_is_a_problem(ends: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(YAML.replace(ENDS, ends))
    done = command(tmp_path, {"CERTIFICATE": CERTIFICATE}, "check")
    assert done.returncode == 78
    assert "must be a time with its zone, such as 2026-12-31T00:00:00Z" in done.stderr
