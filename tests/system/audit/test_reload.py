"""A reload that changes the audit's settings, and not its file, begins other chains in it."""

import io
import json
from pathlib import Path

from tests.unit.adapters.audit_faults import NOW, decided, numbers
from tests.unit.http.running import OPEN, configuration_of
from tokend.adapters.resources import Resources, needed_by
from tokend.core.audit_records import verify
from tokend.telemetry.log import JsonLog


async def test_two_settings_of_one_file_have_chains_of_their_own(tmp_path: Path) -> None:
    file, outside = tmp_path / "audit.jsonl", Resources(JsonLog(io.BytesIO(), lambda: NOW), "writer")
    earlier, later = (
        configuration_of(f"audit: {{to: {{file: {file}}}, sync: {sync}}}\n{OPEN}").options for sync in ("os", "off")
    )
    before, after = outside.open(earlier), outside.open(later)
    assert before.audit is not None
    assert after.audit is not None
    await before.audit.record((decided(1),))
    await after.audit.record((decided(2),))
    await before.audit.record((decided(3),))
    outside.close_all_except(needed_by(later))
    await outside.close()
    assert sorted(numbers(file)) == [1, 2, 3], "what was late is written when its audit is closed"
    assert list(verify(file.read_bytes().splitlines())) == []


async def test_a_reload_that_changes_the_instance_begins_another_chain_with_it(tmp_path: Path) -> None:
    file, resources = tmp_path / "audit.jsonl", Resources(JsonLog(io.BytesIO(), lambda: NOW), "writer")
    earlier, later = (
        configuration_of(f"server: {{instance: {name}}}\naudit: {{to: {{file: {file}}}}}\n{OPEN}").options
        for name in ("fra-1", "fra-2")
    )
    before = resources.open(earlier)
    assert before.audit is not None
    await before.audit.record((decided(1),))
    after = resources.open(later)
    resources.close_all_except(needed_by(later))
    assert after.audit is not None
    await after.audit.record((decided(2),))
    await resources.close()
    lines = file.read_bytes().splitlines()
    assert [json.loads(line)["instance"] for line in lines] == ["fra-1", "fra-1", "fra-2", "fra-2"]
    assert list(verify(lines)) == []
