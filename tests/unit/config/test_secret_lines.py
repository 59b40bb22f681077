"""A secret in a variable loses one final line break, as a file does (O15)."""

from pathlib import Path

import pytest

from tokend.config.references import Reference
from tokend.config.secrets import SecretProblem, Secrets


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_o15_one_final_line_break_is_removed(tmp_path: Path, end: str) -> None:
    found = Secrets({"KEY": f"secret{end}"}, tmp_path).read(Reference(env="KEY"))
    assert found.reveal() == "secret"


def test_o15_a_line_break_alone_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretProblem, match="holds only a line break"):
        Secrets({"KEY": "\n"}, tmp_path).read(Reference(env="KEY"))
