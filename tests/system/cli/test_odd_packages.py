"""Commands that import every plug-in, beside a package that prints and has options without a JSON Schema."""

import json
from pathlib import Path

from tests.installing import backend_package
from tests.running import tokend

_SOURCE = """
from collections.abc import Callable
from tokend.backends.agora.rtm import Rtm
from tokend.core.validation import StrictModel
print("loading")

class Options(StrictModel):
    hook: Callable[[], None] | None = None

class Fields(Rtm.Fields):
    hook: Callable[[], None] | None = None

class Odd(Rtm):
    Options = Options
    Fields = Fields
"""


def test_a_package_that_prints_and_an_option_without_json_schema_leave_schema_and_kinds(tmp_path: Path) -> None:
    """The schema was no JSON, or a traceback of pydantic."""
    variables = {"PYTHONPATH": f"{Path.cwd()}:{backend_package(tmp_path, 'odd', _SOURCE)}"}
    schema = tokend(tmp_path, variables, "schema")
    assert (schema.returncode, schema.stderr) == (0, "loading\n")
    assert '"odd"' in json.dumps(json.loads(schema.stdout))
    kinds = tokend(tmp_path, variables, "kinds", "odd")
    assert (kinds.returncode, kinds.stderr) == (0, "loading\n")
    assert "| `hook` | any value | Optional. |" in kinds.stdout
