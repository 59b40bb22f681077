"""Texts that are almost a token."""

from urllib.parse import quote

import pytest

from tests.running import APP_ID
from tests.unit.issuing.test_stuck_people import built, look
from tokend.core.errors import ApiError

TOKEN = built("rtc", version="006", channel="room", uid=7, issued_at=1_800_000_000, salt=11)
OTHER = built("rtm", user="ada", salt=12)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (f"{TOKEN}\n", None),
        (f'"{TOKEN}"', "It was in quotes or brackets: they are no part of the token."),
        (f"'{TOKEN}',", "A comma or semicolon stood beside it: it is no part of the token."),
        (f"\u201c{TOKEN}\u201d", "It was in quotes or brackets: they are no part of the token."),
        (f"Bearer {TOKEN}", 'It stood after "Bearer": that word is no part of the token.'),
        (f"authorization: bearer {TOKEN}", 'It stood after "bearer": that word is no part of the token.'),
        (
            TOKEN.replace("/", "\\/") + "\\n",
            "It was escaped with backslashes, as in JSON: they are no part of the token.",
        ),
        (
            TOKEN.replace("+", "\\u002b").replace("=", "\\u003D").replace("A", "\\u0041"),
            "It was escaped with backslashes",
        ),
        (quote(TOKEN[:-4] + TOKEN[-4:], safe="").replace("A", "%41"), "It was percent-encoded, as in a URL"),
        (f"{TOKEN[:50]}\n  {TOKEN[50:]}\n", "It was broken into several lines or parts"),
        (f"\ufeff{TOKEN}", "It held invisible characters"),
        (f'{{"data": {{"rtcToken": "{TOKEN}", "uid": 7}}}}', "It stood in data.rtcToken of a JSON text."),
        (f'"token": "{TOKEN}",', 'It stood after "token".'),
        (f"AGORA_TOKEN={TOKEN}", 'It stood after "AGORA_TOKEN".'),
        (
            f"https://host.example/call?channel=room&token={quote(TOKEN, safe='')}",
            "It stood in token of a URL or form.",
        ),
        (f'Optional("{TOKEN}")', "Other text stood around it."),
        (f"[{TOKEN}]", "Other text stood around it."),
        (f"<token>{TOKEN}</token>", "Other text stood around it."),
        (f"my token: **{TOKEN}**.", "Other text stood around it."),
        (f"2026-11-28 INFO the token is {TOKEN} for the user", "Other text stood around it."),
    ],
)
def test_what_stands_around_a_token_is_removed_and_named(text: str, note: str | None) -> None:
    found = look(text, channel="room", user="7")
    assert (found.says["signed_by"], found.problems) == ("primary", ())
    assert note is None or any(sentence.startswith(note) for sentence in found.notes), found.notes


def test_spaces_that_were_plus_signs_are_named() -> None:
    token = next(token for salt in range(1, 99) if "+" in (token := built("rtm", version="006", user="ada", salt=salt)))
    notes = look(token.replace("+", " "), user="ada").notes
    assert any(note.startswith("It had spaces instead of +") for note in notes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'{{"rtcToken": "{TOKEN}", "rtmToken": "{OTHER}"}}', "holds 2 tokens (rtcToken, rtmToken): send one of them"),
        (f"{TOKEN}\n{OTHER}", "holds 2 tokens"),
        (f"004{'a' * 40}{APP_ID}1446455472{'0' * 8}1446455471", "an old Dynamic Key (before 006)"),
        (f"005{'A' * 60}==", "an old Dynamic Key (before 006)"),
        (f"Bearer 003{'a' * 40}{APP_ID}", "an old Dynamic Key (before 006)"),
        (APP_ID, "an App ID or a certificate, not a token"),
        ("[" * 5000, "cannot be read"),
        ('{"a": 1' + "0" * 5000 + "}", "cannot be read"),
        ("\\ud800" * 9, "cannot be read"),
        (" ".join(f"{number:020}" for number in range(500)), "cannot be read"),
    ],
)
def test_what_is_no_single_token_is_named(text: str, sentence: str) -> None:
    with pytest.raises(ApiError) as caught:
        look(text)
    assert sentence in caught.value.detail
    assert caught.value.status == 400
