"""What `tokend reload` prints of invalid apps: once what several have alike."""

from tokend.cli.reload import lines_of_invalid_apps


def test_what_many_apps_have_alike_is_one_line() -> None:
    invalid_apps = {
        f"app{number}": [f"config.yaml:{number}:5: apps.app{number}.certificate: the file ./app{number}: run chmod 600"]
        for number in range(31)
    }
    assert lines_of_invalid_apps(invalid_apps, ["app30"]) == [
        "config.yaml:0:5: apps.app0.certificate: the file ./app0: run chmod 600 "
        "(the same for 30 other apps: app1, app2, app3 and 27 others)",
        "1 invalid app, served in the last valid version: app30",
        "30 invalid apps, answering 503: app0, app1, app2 and 27 others",
    ]


def test_what_differs_stays_apart() -> None:
    problems = {"a": ["config.yaml:1:1: apps.a.routes: is empty"], "b": ["config.yaml:2:1: apps.b.callers: is missing"]}
    assert lines_of_invalid_apps(problems, list(problems)) == [
        *problems["a"],
        *problems["b"],
        "2 invalid apps, served in the last valid version: a, b",
    ]
