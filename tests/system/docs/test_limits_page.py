"""docs/limits.md: its file loads, and the numbers and lines that it quotes are the code's."""

import re
from pathlib import Path

from tests.running import CERTIFICATE, ROOT
from tokend.adapters import redis_limiter
from tokend.config.loading import load
from tokend.core.rate_limits import MAX_BUCKETS, Limit, Limits

PAGE = (ROOT / "docs/limits.md").read_text()


def test_the_file_loads_and_merges(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "config.yaml").write_text(block)
    environment = {"DEMO_APP_CERTIFICATE": CERTIFICATE, "REDIS_URL": "redis://127.0.0.1:6379"}
    configuration = load(None, environment, tmp_path)
    assert configuration.apps["demo"].options.limits == Limits(
        app=Limit(1000, 60, 100), caller=Limit(20, 1, 40), user=Limit(1, 1, 10), address=Limit(5, 1, 5)
    )
    assert configuration.options.redis is not None
    assert configuration.options.redis.on_failure == "local"


def test_the_numbers_and_the_log_lines_are_those_of_the_code() -> None:
    assert f"{MAX_BUCKETS:,} counters" in PAGE
    assert redis_limiter.CALL_SECONDS == 0.1
    assert "a tenth of a second" in PAGE
    assert redis_limiter.PROBE_SECONDS == 1.0
    assert "once a second" in PAGE
    source = (ROOT / "tokend/adapters/redis_limiter.py").read_text()
    for quoted in ("Redis cannot be reached, on_failure is ", "Redis counts again", "requests_without"):
        assert quoted in PAGE
        assert quoted in source
