"""What requests use of a configuration. Each request keeps the one that it began with, also across a reload.

`config/` constructs the backends, dialects and authenticators of an app, in `config/apps.py`: whatever is wrong with one
of them needs its place in the file (docs/decisions/0013-building-apps.md).
"""

from collections.abc import Mapping

from msgspec import Struct

from tokend.core.interfaces import Interfaces
from tokend.issuing.configuration import Configuration, Route
from tokend.issuing.origins import Origins
from tokend.issuing.routing import RouteTable, TakenRoute, literal_prefix


class ActiveConfiguration(Struct, frozen=True):
    """A configuration in force: its apps and routes, the route table, and the interfaces that were opened for it.

    `knows_clients`: whether limits by address count. `taken_routes`: the routes of each invalid app, by its name.
    """

    configuration: Configuration
    table: RouteTable
    interfaces: Interfaces = Interfaces()
    knows_clients: bool = True
    taken_routes: Mapping[str, tuple[TakenRoute, ...]] = {}

    @property
    def batches_responses(self) -> bool:
        """Whether the responses of one turn of the loop have to be held together.

        Where the audit is written for each token, its write does that.
        """
        audit = self.configuration.options.audit
        return audit is None or audit.sync == "off"

    def origins_of(self, route: Route | None) -> Origins:
        """The web pages that may read responses of a route. None: responses of no route; a single app decides those too."""
        if route is not None:
            return route.app.options.cors.origins
        apps = self.configuration.apps
        return next(iter(apps.values())).options.cors.origins if len(apps) == 1 else Origins()

    def taken_at(self, host: str | None, parts: tuple[str, ...], served: Route | None = None) -> TakenRoute | None:
        """The route of an invalid app that has this path; None if there is none, or if that of a valid app comes first.

        As in the route table, a route of the host comes first, then one with a longer prefix. `served`: the route found there.
        """
        first = (False, -1) if served is None else _rank(served)
        found = None
        for routes in self.taken_routes.values():
            for route in routes:
                prefix = literal_prefix(route.path)
                if route.host in (None, host) and parts[: len(prefix)] == prefix and _rank(route) >= first:
                    first, found = _rank(route), route
        return found


def _rank(route: Route | TakenRoute) -> tuple[bool, int]:
    return route.host is not None, len(literal_prefix(route.path))
