"""The search of the audit's page, by jq."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.needs import skip_or_fail

PAGE: Final = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()


def test_the_search_for_a_channel_finds_further_channels_and_wildcards_also_after_a_cut_line() -> None:
    """It found no token whose second channel it was, such as one of NATS or Ably, and stopped at a line that was cut off."""
    skip_or_fail(None if shutil.which("jq") else "jq is not on the PATH (on Debian: apt-get install jq)")
    (search,) = re.findall(r"^jq -R -c '(.*lesson-7.*)' audit\.jsonl$", PAGE, re.MULTILINE)
    services: list[list[dict[str, object]]] = [
        [{"channel": "lesson-7"}],
        [{"channel": "lobby"}, {"channel": "lesson-*"}],
        [{"channel": "lobby", "more_channels": ["hall", "lesson-7"]}],
        [{"channel": "lobby", "more_channels": ["*"]}],
        [{"channel": "lesson-70"}, {"user": "ann"}],
    ]
    lines = '{"outcome":"issued","serv\n' + "".join(
        json.dumps({"outcome": "issued", "services": each}) + "\n" for each in services
    )
    done = subprocess.run(["jq", "-R", "-c", search], input=lines, capture_output=True, text=True, check=True)
    assert [json.loads(line)["services"] for line in done.stdout.splitlines()] == services[:-1]
