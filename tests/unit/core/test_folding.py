"""Sentences that are the same for many apps become one."""

from tokend.core.folding import fold


def test_two_hundred_warnings_are_one_line() -> None:
    sentences = [f"app tenant{number}: route /tenant{number} has no limit" for number in range(200)]
    assert fold(["first", *sentences, "last"]) == [
        "first",
        "200 apps (tenant0, tenant1, tenant2 and 197 others): route /{app} has no limit",
        "last",
    ]


def test_warnings_of_rules_are_one_line() -> None:
    assert fold([f"app {name}: {name}.web.rules[0] limits the channel" for name in "ab"]) == [
        "2 apps (a, b): {app}.web.rules[0] limits the channel"
    ]


def test_files_that_are_named_after_their_apps_are_one_line() -> None:
    for file in ("secrets/{}", "./{}.pem", "/run/secrets/cert-{}.key", "apps.d/{}.yaml", "/etc/{}-cert"):
        sentences = [f"app {name}: the file {file.format(name)} can be read by others" for name in ("a-1", "b.c", "d")]
        assert fold(sentences) == [
            f"3 apps (a-1, b.c, d): the file {file.format('{app}')} can be read by others",
        ]
    apart = ["app a: the file /ab can be read by others", "app b: the file /b can be read by others"]
    assert fold(apart) == apart


def test_what_differs_stays_apart() -> None:
    sentences = ["app a: caller x is open", "app b: caller y is open", "app c: route /b has no limit"]
    assert fold(sentences) == sentences


def test_a_sentence_of_two_apps_names_both_and_of_four_says_other() -> None:
    assert fold(["app a: open", "app b: open"]) == ["2 apps (a, b): open"]
    assert fold([f"app {name}: open" for name in "abcd"]) == ["4 apps (a, b, c and 1 other): open"]


def test_a_sentence_of_no_app_that_is_repeated_stands_there_once() -> None:
    assert fold(["same", "same"]) == ["same"]
