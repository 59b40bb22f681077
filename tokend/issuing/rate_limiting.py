"""Which of an app's rate limits the token requests of a request count against, and the error for what is over them.

The limiter is called once for a whole request, and not at all where the app has no limits. It has the clock.
"""

from collections.abc import Sequence

from tokend.core.errors import ApiError, Code, whole_seconds
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller, Grant
from tokend.core.rate_limits import NO_LIMITS
from tokend.core.reach import users_of
from tokend.issuing.configuration import App


def counts(app: App, interfaces: Interfaces) -> bool:
    """Whether there is anything to count."""
    return interfaces.limiter is not None and app.limits is not NO_LIMITS


async def admit(
    app: App,
    caller: Caller | None,
    address: str | None,
    requested: Sequence[Sequence[Grant | None]],
    interfaces: Interfaces,
) -> list[ApiError | None]:
    """For each token request: None where its limits admit it, else why not (429). Raises `ApiError` (503) if unknown.

    `requested`: the grants of each, None in place of a rejected one. A rejected request counts for no user: who asks in
    vain for somebody else's token uses up nothing of theirs. `address`: None where it is not known.
    """
    if interfaces.limiter is None or not counts(app, interfaces):
        return [None] * len(requested)
    name = None if caller is None else caller.name
    groups = [app.limits.buckets(app.name, name, address, _users(app, grants)) for grants in requested]
    if not any(groups):
        return [None] * len(requested)
    return [None if wait is None else _over(wait) for wait in await interfaces.limiter.take(groups)]


async def admit_request(app: App, caller: Caller | None, address: str | None, interfaces: Interfaces) -> None:
    """A request that is for no user. Raises the error. `caller`: None where authentication failed."""
    (over,) = await admit(app, caller, address, [()], interfaces)
    if over is not None:
        raise over


def _users(app: App, grants: Sequence[Grant | None]) -> list[str]:
    known = [grant for grant in grants if grant is not None]
    if app.limits.user is None or len(known) < len(grants):
        return []
    return [user for grant in known for user in users_of(grant)]


def _over(wait: float) -> ApiError:
    return ApiError(
        Code.RATE_LIMITED, f"this is over a rate limit: ask again in {whole_seconds(wait)} s", retry_after=wait
    )
