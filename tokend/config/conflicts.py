"""Finds apps that cannot be served together: two claim a path, or a token of one issuer could be for both.

Of two routes or callers that conflict, the later one is at fault. First comes what is served and stays, then what its app
had before, then the rest. Of callers, one that requires a claim that most of those in conflict require comes first, and one
that requires nothing last. If neither is later than the other, both are at fault: nobody gets what two claim at once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TypeVar

from tokend.config.apps import BuiltApp
from tokend.config.callers import BuiltCaller, check_between_apps, required_claims
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
            callers.append(((rank,), ((built.app.name, name), caller)))
    of_routes = [report.of_apps for report in _in_both_orders(routes, check_clashes, root)]
    of_callers = [report.of_apps for report in _of_callers(callers, root)]
    names = [built.app.name for built in changed]
    # first the paths: an app that shares users only with such an app can be served without it
    at_fault = set(names).intersection(chain(*of_routes)) or set(names).intersection(chain(*of_callers))
    found: dict[str, dict[KeyPath, Problem]] = {name: {} for name in names if name in at_fault}
    for name, problems in found.items():
        for of_apps in (*of_routes, *of_callers):
            for problem in of_apps.get(name, ()):
                problems.setdefault(problem.path, problem)
    return {name: tuple(in_order(problems.values())) for name, problems in found.items()}


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
    def check(entries: list[_NamedCaller], report: Report) -> None:
        check_between_apps(dict(entries), report)

    reports = list(_in_both_orders(callers, check, root))
    in_conflict = {
        problem.path[1:4:2] for report in reports for of_app in report.of_apps.values() for problem in of_app
    }
    if not in_conflict:
        return reports
    claims = {name: required_claims(caller) for _, (name, caller) in callers if name in in_conflict}
    common = Counter(claim for of_caller in claims.values() for claim in of_caller)
    ranked = [
        ((*rank, -max((common[claim] for claim in claims.get(entry[0], ())), default=0)), entry)
        for rank, entry in callers
    ]
    return list(_in_both_orders(ranked, check, root))


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
