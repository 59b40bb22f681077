"""Isolates invalid apps: an app with errors is left out or keeps its last valid version. The other apps are served.

Pure: the next configuration follows from what was assembled and from the configuration that is served at present.
"""

from collections.abc import Iterable, Mapping, Set

from msgspec import Struct

from tokend.config.apps import BuiltApp
from tokend.config.assemble import Assembled, check_shared
from tokend.config.callers import requires
from tokend.config.change import Change
from tokend.config.problems import ConfigurationError, Problem, Report, in_order
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
    rejected = {**_own_problems(assembled), **unreadable}
    comparison = _Comparison(assembled, {} if previous is None else previous.built_apps)
    while found := comparison.conflicts(rejected):  # an app that keeps its last version may conflict with another
        rejected |= found
    refuses = assembled.configuration.options.server.on_invalid_app == "refuse"
    if any(not _is_of_app(problem) for problem in assembled.report.problems) or (rejected and refuses):
        raise ConfigurationError(every_problem(assembled, unreadable))
    steady, changed = comparison.served(rejected)
    served = {built.app.name: built for built in (*steady, *changed)}
    configuration = assembled.with_apps(served[name] for name in assembled.apps if name in served)
    invalid_apps = {
        name: InvalidApp(problems, serves_previous=True)
        if name in served
        else InvalidApp(problems, _taken(assembled, name, configuration.routes))
        for name, problems in rejected.items()
    }
    before = frozenset() if previous is None else frozenset(previous.built_apps)
    differing = frozenset(built.app.name for built in changed)
    return Isolated(
        configuration,
        invalid_apps,
        tuple(in_order(_all_problems(assembled, rejected))),
        added=differing - before,
        changed=differing & before,
        removed=before - frozenset(served),
    )


def every_problem(assembled: Assembled, unreadable: Mapping[str, Problems]) -> list[Problem]:
    """All problems, of apps and of everything else."""
    check_shared(assembled.apps.values(), assembled.report, later_at_fault=False)
    found = [
        problem
        for problem in assembled.report.problems
        if not (problem.path[:1] == ("apps",) and problem.path[1:2] and problem.path[1] in unreadable)
    ]
    return in_order([*found, *(problem for problems in unreadable.values() for problem in problems)])


def _own_problems(assembled: Assembled) -> dict[str, Problems]:
    """The problems that each app has by itself: looked for where there is any among all of them."""
    found = dict(assembled.report.of_apps)
    together = Report(assembled.report.root)
    check_shared(assembled.apps.values(), together)
    for name in together.of_apps:
        if name not in found and (problems := _problems_of(name, [assembled.apps[name]], assembled)):
            found[name] = problems
    return found


def _all_problems(assembled: Assembled, of_apps: Mapping[str, Problems]) -> list[Problem]:
    """Each problem once, although several apps may inherit it; also those of `defaults` that no app inherits."""
    places: dict[object, Problem] = {}
    of_defaults = [problem for problem in assembled.report.problems if problem.path[:1] == ("defaults",)]
    for problem in (*of_defaults, *(problem for problems in of_apps.values() for problem in problems)):
        path = () if problem.location.line else problem.path
        places.setdefault((problem.location, problem.sentence, path), problem)
    return list(places.values())


def _is_of_app(problem: Problem) -> bool:
    return problem.path[:1] == ("defaults",) or (problem.path[:1] == ("apps",) and len(problem.path) > 1)


def _problems_of(name: str, apps: Iterable[BuiltApp], assembled: Assembled) -> Problems:
    """Problems of the app with the apps before it, or between its own routes."""
    report = Report(assembled.report.root)
    check_shared(apps, report)
    return report.of_apps.get(name, ())


class _Comparison:
    """Compares the apps as they are written with those that are served at present."""

    def __init__(self, assembled: Assembled, previous: Mapping[str, BuiltApp]) -> None:
        self._assembled = assembled
        self._previous = previous

    def served(self, rejected: Mapping[str, Problems]) -> tuple[list[BuiltApp], list[BuiltApp]]:
        """The apps that are served unchanged, including the last versions of rejected ones; and the apps that change."""
        steady, changed = [], []
        for name, built in self._assembled.apps.items():
            before = self._previous.get(name)
            if name in rejected:
                steady += [before] if before is not None else []
            elif built is before:  # `build_app` keeps an app whose text and secrets are the same
                steady.append(built)
            else:
                changed.append(built)
        return steady, changed

    def conflicts(self, rejected: Mapping[str, Problems]) -> dict[str, Problems]:
        """Further apps that cannot be served together with the others, with their problems."""
        steady, changed = self.served(rejected)
        report = Report(self._assembled.report.root)
        check_shared([*steady, *changed], report)
        found: dict[str, dict[Problem, None]] = {}
        at_fault: set[str] = set()
        partners: dict[str, set[str]] = {}
        for app in changed:
            if app.app.name not in report.of_apps:
                continue
            if problems := _problems_of(app.app.name, [*steady, app], self._assembled):
                found.setdefault(app.app.name, {}).update(dict.fromkeys(problems))
                at_fault.add(app.app.name)
            for other in changed:
                between = self._between(app, other) if other is not app else {}
                for name, problems in between.items():
                    found.setdefault(name, {}).update(dict.fromkeys(problems))
                about = {problem.path[2] for problems in between.values() for problem in problems}
                if len(between) == 1 or about != {"callers"}:  # nobody gets a path that two claim
                    at_fault |= between.keys()
                    continue
                for name in between:
                    partners.setdefault(name, set()).update(between.keys() - {name})
        return {name: tuple(in_order(found[name])) for name in _with_most_conflicts(partners, at_fault)}

    def _between(self, app: BuiltApp, other: BuiltApp) -> dict[str, Problems]:
        """The problems of that one of two changed apps which is at fault; of both if it is neither or both.

        At fault is what conflicts with something that the other served before. If neither did, it is the one whose callers
        require no claims, where the other's do: of two apps that share an issuer, that one takes the users of the other.
        """
        if not self._conflict(app, other):
            return {}
        pair = {built.app.name: built for built in (app, other)}
        both = {
            changed.app.name: _problems_of(changed.app.name, [partner, changed], self._assembled)
            for changed, partner in ((app, other), (other, app))
        }
        at_fault = [
            changed.app.name for changed, partner in ((app, other), (other, app)) if not self._had_it(changed, partner)
        ]
        if len(at_fault) != 1:
            at_fault = [name for name, built in pair.items() if not _require_claims(built, both[name])]
        return {name: both[name] for name in at_fault or both}

    def _conflict(self, app: BuiltApp, other: BuiltApp) -> bool:
        return bool(_problems_of(other.app.name, [app, other], self._assembled))

    def _had_it(self, app: BuiltApp, other: BuiltApp) -> bool:
        """Whether the last version of `app` already conflicts with `other`: then `other` is at fault."""
        before = self._previous.get(app.app.name)
        return before is not None and self._conflict(before, other)


def _with_most_conflicts(partners: Mapping[str, Set[str]], at_fault: Set[str]) -> set[str]:
    """The apps at fault. As long as conflicts about an issuer are left, those with the most are at fault too.

    So one app that conflicts with all others is left out alone. Of two that conflict with each other, both are.
    """
    found = set(at_fault)
    while left := {name: others - found for name, others in partners.items() if name not in found and others - found}:
        most = max(map(len, left.values()))
        found |= {name for name, others in left.items() if len(others) == most}
    return found


def _require_claims(app: BuiltApp, problems: Problems) -> bool:
    """Whether these problems are all of callers that require something of their users, such as a claim with the app's name."""
    callers = [app.callers.get(str(problem.path[3])) for problem in problems if problem.path[2:3] == ("callers",)]
    return len(callers) == len(problems) and all(
        caller is not None and caller.scheme is not None and requires(caller.scheme, caller.options)
        for caller in callers
    )


def _taken(assembled: Assembled, name: str, served: Iterable[Route]) -> tuple[TakenRoute, ...]:
    """The routes of an app that is not served, if they are known and no served app uses them."""
    report = assembled.report
    places: dict[tuple[str | None, tuple[str, ...]], list[Route]] = {}
    for route in served:
        places.setdefault((route.host, literal_prefix(route.path)), []).append(route)
    return tuple(
        TakenRoute(
            name,
            route.path,
            route.host,
            route.app.options.cors.origins.written,
            tuple(sorted(route.cors_headers)),
        )
        for path, route in (assembled.apps[name].routes if name in assembled.apps else ())
        if not report.is_broken(path)
        and not any(report.touches((*path, key)) for key in ("path", "host"))
        and not any(clash(other, route) for other in places.get((route.host, literal_prefix(route.path)), ()))
        and not any(
            takes_from(route, other)
            for length in range(len(literal_prefix(route.path)))
            for other in places.get((route.host, literal_prefix(route.path)[:length]), ())
        )
    )
