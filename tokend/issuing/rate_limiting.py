"""Counts token requests against the rate limits of their app, and makes the error for those that exceed one.

The limiter is called once for a whole request, and never if the app has no limits. The limiter reads the clock.
"""

from collections.abc import Sequence

from tokend.core.errors import ApiError, Code, whole_seconds
from tokend.core.interfaces import Interfaces
from tokend.core.model import Caller
from tokend.core.rate_limits import NO_LIMITS, Excess
from tokend.core.reach import Reach
from tokend.issuing.configuration import App


async def admit(
    app: App,
    caller: Caller | None,
    address: str | None,
    requested: Sequence[Sequence[Reach | None]],
    interfaces: Interfaces,
) -> list[ApiError | None]:
    """None for each group of grants that its limits admit, else the error (429). Raises `ApiError` (503) if unknown.

    `requested`: the reach of each grant, by group; None in place of a rejected grant. A rejected request counts for no user,
    so nobody can use up the limit of another user. `address`: the client's, None if unknown.
    """
    if interfaces.limiter is None or app.options.limits is NO_LIMITS:
        return [None] * len(requested)
    name = None if caller is None else caller.name
    groups = [app.options.limits.buckets(app.name, name, address, _users(app, reaches)) for reaches in requested]
    if not any(groups):
        return [None] * len(requested)
    return [None if excess is None else _over(excess) for excess in await interfaces.limiter.take(groups)]


async def admit_request(app: App, caller: Caller | None, address: str | None, interfaces: Interfaces) -> None:
    """Count a request that is for no user; raises the `ApiError`. `caller`: None if authentication failed."""
    (over,) = await admit(app, caller, address, [()], interfaces)
    if over is not None:
        raise over


def _users(app: App, reaches: Sequence[Reach | None]) -> list[str]:
    known = [reach for reach in reaches if reach is not None]
    if app.options.limits.user is None or len(known) < len(reaches):
        return []
    return [user for reach in known for user in reach.users]


def _over(excess: Excess) -> ApiError:
    seconds = whole_seconds(excess.seconds)
    sentence = f"this is over the rate limit of the {excess.limited}: send it again in {seconds} s"
    return ApiError(Code.RATE_LIMITED, sentence, operator=f"limits.{excess.limited}", retry_after=excess.seconds)
