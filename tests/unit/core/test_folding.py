"""Sentences that are the same for many apps become one."""

from tokend.core.folding import fold, listed


def test_two_hundred_warnings_are_one_line() -> None:
    sentences = [f"app tenant{number}: route /tenant{number} has no limit" for number in range(200)]
    names = ", ".join(f"tenant{number}" for number in range(1, 21))
    assert fold(["first", *sentences, "last"]) == [
        "first",
        f"app tenant0: route /tenant0 has no limit (the same for 199 more apps: {names} and 179 others)",
        "last",
    ]


def test_warnings_of_rules_are_one_line() -> None:
    assert fold([f"app {name}: {name}.web.rules[0] limits the channel" for name in "ab"]) == [
        "app a: a.web.rules[0] limits the channel (the same for 1 more app: b)"
    ]


def test_files_that_are_named_after_their_apps_are_one_line() -> None:
    for file in ("secrets/{}", "./{}.pem", "/run/secrets/cert-{}.key", "apps.d/{}.yaml", "/etc/{}-cert"):
        sentences = [f"app {name}: the file {file.format(name)} can be read by others" for name in ("a-1", "b.c", "d")]
        assert fold(sentences) == [
            f"{sentences[0]} (the same for 2 more apps: b.c, d)",
        ]
    apart = ["app a: the file /ab can be read by others", "app b: the file /b can be read by others"]
    assert fold(apart) == apart


def test_what_differs_stays_apart() -> None:
    sentences = ["app a: caller x is open", "app b: caller y is open", "app c: route /b has no limit"]
    assert fold(sentences) == sentences


def test_a_sentence_of_two_apps_says_app_and_of_three_says_apps() -> None:
    assert fold(["app a: open", "app b: open"]) == ["app a: open (the same for 1 more app: b)"]
    assert fold([f"app {name}: open" for name in "abc"]) == ["app a: open (the same for 2 more apps: b, c)"]


def test_a_list_of_four_names_says_other_and_of_five_says_others() -> None:
    assert listed("abcd") == "a, b, c and 1 other"
    assert listed("abcde") == "a, b, c and 2 others"


def test_a_sentence_of_no_app_that_is_repeated_stands_there_once() -> None:
    assert fold(["same", "same"]) == ["same"]
