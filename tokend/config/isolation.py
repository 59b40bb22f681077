"""Isolates invalid apps: an app with errors is left out or keeps its last valid version. The other apps are served.

Pure: the next configuration follows from what was assembled and from the configuration that is served at present.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tokend.config.apps import BuiltApp
from tokend.config.assemble import Assembled
from tokend.config.change import Change
from tokend.config.conflicts import conflicts
from tokend.config.problems import ConfigurationError, KeyPath, Problem, in_order
from tokend.issuing.configuration import Configuration, Route
from tokend.issuing.routing import TakenRoute, clash, literal_prefix, takes_from

Problems = tuple[Problem, ...]


class InvalidApp(Struct, frozen=True):
    """An app that is not served as it is written. `serves_previous`: its last valid version is served; `routes` is then empty."""

    problems: Problems
    routes: tuple[TakenRoute, ...] = ()
    serves_previous: bool = False


class Isolated(Struct, frozen=True):
    """What can be served of a configuration. `problems`: all errors, in the order of the files' lines.

    `added`, `changed` and `removed`: names of apps that are served otherwise than in the previous configuration; `change`:
    the same for other processes. It is None if there is no previous one.
    """

    configuration: Configuration
    invalid_apps: Mapping[str, InvalidApp] = {}
    problems: Problems = ()
    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    change: Change | None = None

    @property
    def taken_routes(self) -> Mapping[str, tuple[TakenRoute, ...]]:
        """The routes of each invalid app, by its name."""
        return {name: invalid.routes for name, invalid in self.invalid_apps.items()}

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the invalid apps that are served in their last valid version."""
        return tuple(name for name, invalid in self.invalid_apps.items() if invalid.serves_previous)

    @property
    def changes_apps(self) -> bool:
        """Whether any app is served otherwise than before."""
        return bool(self.added or self.changed or self.removed)


def isolate(
    assembled: Assembled, unreadable: Mapping[str, Problems], previous: Configuration | None = None
) -> Isolated:
    """The configuration of the valid apps, and of the last valid versions of the others if `previous` has them.

    `unreadable`: problems of apps whose file cannot be read. Raises `ConfigurationError` for errors outside the apps, and
    for any error if `server.on_invalid_app` is `refuse`.
    """
    rejected = {**assembled.report.of_apps, **unreadable}
    before = {} if previous is None else previous.built_apps
    steady, changed = _served(assembled, before, rejected)
    claimed = [  # nobody else gets them while their app is repaired
        entry
        for name in rejected
        if name not in before and name not in unreadable
        for entry in _routes_of(assembled, name)
    ]
    while found := conflicts(steady, changed, claimed, before, assembled.report.root):
        rejected |= found
        steady, changed = _served(assembled, before, rejected)  # an app that keeps its last version may conflict, too
    problems = _all_problems(assembled, rejected)
    refuses = assembled.configuration.options.server.on_invalid_app == "refuse"
    if any(not _is_of_app(problem) for problem in assembled.report.problems) or (problems and refuses):
        raise ConfigurationError(problems)
    served = {built.app.name: built for built in (*steady, *changed)}
    configuration = assembled.with_apps(served[name] for name in assembled.apps if name in served)
    places = _by_place(configuration.routes)
    invalid_apps = {
        name: InvalidApp(of_app, serves_previous=True)
        if name in served
        else InvalidApp(of_app, _taken(assembled, name, places))
        for name, of_app in rejected.items()
    }
    differing = frozenset(built.app.name for built in changed)
    return Isolated(
        configuration,
        invalid_apps,
        tuple(problems),
        added=differing - before.keys(),
        changed=differing & before.keys(),
        removed=frozenset(before.keys() - served.keys()),
    )


def _all_problems(assembled: Assembled, of_apps: Mapping[str, Problems]) -> list[Problem]:
    """Each problem once, although several apps may inherit it; also those of `defaults` that no app inherits."""
    places: dict[object, Problem] = {}
    others = [problem for problem in assembled.report.problems if not _is_below_apps(problem)]
    for problem in (*others, *(problem for problems in of_apps.values() for problem in problems)):
        path = () if problem.location.line else problem.path
        places.setdefault((problem.location, problem.sentence, path), problem)
    return in_order(places.values())


def _is_of_app(problem: Problem) -> bool:
    return problem.path[:1] == ("defaults",) or _is_below_apps(problem)


def _is_below_apps(problem: Problem) -> bool:
    return problem.path[:1] == ("apps",) and len(problem.path) > 1


def _served(
    assembled: Assembled, before: Mapping[str, BuiltApp], rejected: Mapping[str, Problems]
) -> tuple[list[BuiltApp], list[BuiltApp]]:
    """The apps that are served unchanged, including the last versions of rejected ones; and the apps that change."""
    steady, changed = [], []
    for name, built in assembled.apps.items():
        last = before.get(name)
        if name in rejected:
            steady += [last] if last is not None else []
        elif built is last:  # `build_app` keeps an app whose text and secrets are the same
            steady.append(built)
        else:
            changed.append(built)
    return steady, changed


_Places = Mapping[tuple[str | None, tuple[str, ...]], list[Route]]


def _by_place(routes: Iterable[Route]) -> _Places:
    """Routes by host and literal prefix."""
    found: dict[tuple[str | None, tuple[str, ...]], list[Route]] = {}
    for route in routes:
        found.setdefault((route.host, literal_prefix(route.path)), []).append(route)
    return found


def _routes_of(assembled: Assembled, name: str) -> tuple[tuple[KeyPath, Route], ...]:
    return assembled.apps[name].routes if name in assembled.apps else ()


def _taken(assembled: Assembled, name: str, places: _Places) -> tuple[TakenRoute, ...]:
    """The routes of an app that is not served, if they are known and no served app uses them. `places`: the served ones."""
    return tuple(
        TakenRoute(
            name,
            route.path,
            route.host,
            route.app.options.cors.origins.written,
            tuple(sorted(route.cors_headers)),
        )
        for _, route in _routes_of(assembled, name)
        if not any(clash(other, route) for other in places.get((route.host, literal_prefix(route.path)), ()))
        and not any(
            takes_from(route, other)
            for length in range(len(literal_prefix(route.path)))
            for other in places.get((route.host, literal_prefix(route.path)[:length]), ())
        )
    )
