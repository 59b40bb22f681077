"""Which new entries are refused because they would block nobody."""

from typing import Final

import pytest

from tests.unit.http.running import NOW
from tokend.core.deny_entries import Entry, NeverMatches, check_entry

_CALLERS: Final = {"demo": ("any", "studio"), "school": ("teacher", "any")}
_NO_TIME: Final = "credentials of caller {} have no issue time: without issued_before, the entry blocks them all"
_UNDATED: Final = {"demo": frozenset({"any", "studio"}), "school": frozenset({"any"})}


@pytest.mark.parametrize(
    "entry",
    [
        Entry(user="7"),
        Entry(app="demo", caller="any"),
        Entry(app="school", user="7"),
        Entry(caller="teacher"),
        Entry(app="broken", user="7"),
        Entry(app="broken", caller="whoever"),
        Entry(app="demo", caller="studio", user="7"),
        Entry(app="school", caller="teacher", issued_before=NOW),
        Entry(app="demo", user="7", issued_before=NOW),
        Entry(app="broken", caller="studio", issued_before=NOW),
    ],
)
def test_names_that_the_configuration_has_are_accepted(entry: Entry) -> None:
    check_entry(entry, _CALLERS, ("broken",) if entry.app == "broken" else (), _UNDATED)


@pytest.mark.parametrize(
    ("entry", "field", "sentence"),
    [
        (Entry(app="dema", user="7"), "app", "there is no app dema, did you mean 'demo'?"),
        (Entry(app="dema", caller="an"), "app", "there is no app dema, did you mean 'demo'?"),
        (Entry(app="demo", caller="teacher"), "caller", "app demo has no caller teacher; known: any, studio"),
        (Entry(caller="teachers"), "caller", "no app has a caller teachers, did you mean 'teacher'?"),
        (Entry(app="demo", caller="studio", issued_before=NOW), "issued_before", _NO_TIME.format("studio")),
        (Entry(caller="any", issued_before=NOW), "issued_before", _NO_TIME.format("any")),
        (Entry(sub="ada", url="party-7"), "sub", "a signed URL names no sub: name one of the two"),
    ],
)
def test_a_name_that_the_configuration_does_not_have_is_named(entry: Entry, field: str, sentence: str) -> None:
    with pytest.raises(NeverMatches) as caught:
        check_entry(entry, _CALLERS, (), _UNDATED)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


def test_callers_of_an_invalid_app_are_not_known() -> None:
    check_entry(Entry(caller="whoever"), _CALLERS, ("broken",), _UNDATED)
    with pytest.raises(NeverMatches, match="app demo has no caller whoever"):
        check_entry(Entry(app="demo", caller="whoever"), _CALLERS, ("broken",), _UNDATED)
