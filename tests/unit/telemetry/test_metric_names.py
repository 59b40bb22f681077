"""Every metric says whose it is, and docs/reference/metrics.md names it with its labels."""

import re

import pytest

from tests.running import ROOT
from tokend.telemetry.metrics import FAMILIES
from tokend.telemetry.prometheus import BUILD, LATENCY, LATENCY_LABELS


def test_the_docs_name_every_metric_with_its_labels() -> None:
    text = (ROOT / "docs/reference/metrics.md").read_text()
    rows = re.findall(r"^\| `((?:tokend|process)_\w+)` \|(.*?)\|", text, re.M)
    told = {name: re.findall(r"`(\w+)`", labels) for name, labels in rows}
    wanted = {
        name + ("_total" if family.gauge is None else ""): [*family.labels, *family.values]
        for name, family in FAMILIES.items()
    }
    assert told == {**wanted, LATENCY: [*LATENCY_LABELS], BUILD: ["version"]}
    assert len(rows) == len(told)


@pytest.mark.parametrize("name", [*FAMILIES, LATENCY, BUILD])
def test_the_names_say_whose_they_are(name: str) -> None:
    assert re.fullmatch(r"(tokend|process)(_[a-z]+)+", name)
