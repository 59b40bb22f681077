"""What `tokend reload` prints of invalid apps: once what several have alike."""

from tokend.cli.reload import lines_of_invalid_apps


def test_what_many_apps_have_alike_is_one_line() -> None:
    invalid_apps = {
        f"app{number}": [f"config.yaml:{number}:5: apps.app{number}.certificate: the file ./app{number}: run chmod 600"]
        for number in range(31)
    }
    assert lines_of_invalid_apps(invalid_apps, ["app30"]) == [
        "config.yaml:0:5: apps.app0.certificate: the file ./app0: run chmod 600 "
        f"(the same for 30 more apps: {', '.join(list(invalid_apps)[1:21])} and 10 others)",
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


def test_apps_that_are_wrong_as_a_whole_and_files_that_cannot_be_read_are_one_line() -> None:
    """Each was a line of its own: 30 apps that are no mappings, or files of which nobody may read any."""
    for problem in ("config.yaml:{0}:3: apps.app{0}: must be a mapping", "apps.d/app{0}.yaml: cannot be read: Denied"):
        line, *_ = lines_of_invalid_apps({f"app{number}": [problem.format(number)] for number in range(3)}, [])
        assert line == f"{problem.format(0)} (the same for 2 more apps: app1, app2)"
