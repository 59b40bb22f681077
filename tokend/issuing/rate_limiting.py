"""Which of an app's rate limits the asks of a request count against, and the refusal of what is over them.

One call of the limiter for a whole request; none where the app has no limits. Knows no clock: the limiter has one.
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
    asked: Sequence[Sequence[Grant | None]],
    interfaces: Interfaces,
) -> list[ApiError | None]:
    """For each ask: None where its limits admit it, else why not (429). `Refusal` (503) where nobody can say.

    `asked`: the grants of each, None in place of one that is refused. Such an ask is for no user: who asks in vain for
    somebody else's token uses up nothing of theirs. `address`: None where it is not known.
    """
    if interfaces.limiter is None or not counts(app, interfaces):
        return [None] * len(asked)
    name = None if caller is None else caller.name
    groups = [app.limits.group(app.name, name, address, _users(app, grants)) for grants in asked]
    if not any(groups):
        return [None] * len(asked)
    return [None if wait is None else _over(wait) for wait in await interfaces.limiter.take(groups)]


async def admit_one(app: App, caller: Caller | None, address: str | None, interfaces: Interfaces) -> None:
    """One ask that is for no user. Raises the refusal. `caller`: None for a credential that was refused."""
    (over,) = await admit(app, caller, address, [()], interfaces)
    if over is not None:
        raise over


def _users(app: App, grants: Sequence[Grant | None]) -> list[str]:
    known = [one for one in grants if one is not None]
    if app.limits.user is None or len(known) < len(grants):
        return []
    return [user for one in known for user in users_of(one)]


def _over(wait: float) -> ApiError:
    return ApiError(
        Code.RATE_LIMITED, f"this is over a rate limit: ask again in {whole_seconds(wait)} s", retry_after=wait
    )
