"""Finds apps that cannot be served together: two claim a path, or a token of one issuer could be for both.

Of two routes or callers that conflict, the later one is at fault. First comes what is served and stays, then what its app
had before, then the rest. A caller that requires nothing of its users comes after the others, and one with more conflicts
after one with fewer. If neither is later than the other, both are at fault: nobody gets what two claim at once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from tokend.config.apps import BuiltApp
from tokend.config.callers import BuiltCaller, check_between_apps, requires
from tokend.config.problems import KeyPath, Problem, Report, in_order
from tokend.config.routes import check_clashes
from tokend.config.yaml_tree import LocatedDict
from tokend.issuing.configuration import Route
from tokend.issuing.grants import PLUGIN_ERRORS

_T = TypeVar("_T")
_Ranked = list[tuple[tuple[int, ...], _T]]
_NamedCaller = tuple[tuple[str, str], BuiltCaller]
_STAYS, _HAD_BEFORE, _NEW = range(3)


def conflicts(
    steady: Sequence[BuiltApp],
    changed: Sequence[BuiltApp],
    claimed: Sequence[tuple[KeyPath, Route]],
    previous: Mapping[str, BuiltApp],
    root: LocatedDict,
) -> dict[str, tuple[Problem, ...]]:
    """The apps of `changed` that are at fault, and their problems. `steady`: those that stay as they are served.

    `claimed`: routes of invalid apps that are not served.
    """
    routes: _Ranked[tuple[KeyPath, Route]] = [((_NEW,), entry) for entry in claimed]
    callers: _Ranked[_NamedCaller] = []
    for built in steady:
        routes += [((_STAYS,), route) for route in built.routes]
        callers += [((_STAYS,), ((built.app.name, name), caller)) for name, caller in built.callers.items()]
    for built in changed:
        before = previous.get(built.app.name)
        for path, route in built.routes:
            routes.append(((_HAD_BEFORE if _had_route(before, route) else _NEW,), (path, route)))
        for name, caller in built.callers.items():
            rank = _HAD_BEFORE if _had_caller(before, name, caller) else _NEW
            callers.append(((rank, not requires(caller)), ((built.app.name, name), caller)))
    found: dict[str, dict[KeyPath, Problem]] = {built.app.name: {} for built in changed}
    for report in (*_in_both_orders(routes, check_clashes, root), *_of_callers(callers, root)):
        of_apps = report.of_apps
        for app in of_apps.keys() & found.keys():
            found[app] = {problem.path: problem for problem in of_apps[app]} | found[app]
    return {app: tuple(in_order(problems.values())) for app, problems in found.items() if problems}


def _had_route(before: BuiltApp | None, route: Route) -> bool:
    return before is not None and any((route.host, route.path) == (had.host, had.path) for _, had in before.routes)


def _had_caller(before: BuiltApp | None, name: str, caller: BuiltCaller) -> bool:
    """By the repr of its options, which is without secrets: after each reading these are other objects."""
    had = None if before is None else before.callers.get(name)
    try:
        return had is not None and (had.scheme, repr(had.options)) == (caller.scheme, repr(caller.options))
    except PLUGIN_ERRORS:
        return False


def _of_callers(callers: _Ranked[_NamedCaller], root: LocatedDict) -> list[Report]:
    counted: Counter[tuple[str, str]] = Counter()

    def check(entries: list[_NamedCaller], report: Report) -> None:
        counted.update(check_between_apps(dict(entries), report))

    reports = list(_in_both_orders(callers, check, root))
    if not counted:
        return reports
    by_count = [((*rank, counted[entry[0]]), entry) for rank, entry in callers]
    return list(_in_both_orders(by_count, check, root))


def _in_both_orders(
    entries: _Ranked[_T], check: Callable[[list[_T], Report], object], root: LocatedDict
) -> Iterator[Report]:
    """What the check reports of the entries by rank. Those of one rank come in both orders, so each is the later one once."""
    for in_turn in (entries, entries[::-1]):
        report = Report(root)
        check([entry for _, entry in sorted(in_turn, key=itemgetter(0))], report)
        yield report
        if not report.problems:
            return
