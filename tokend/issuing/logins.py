"""Logins that a limit of the channel does not limit: to services such as RTM and Chat, which never have a channel."""

from collections.abc import Collection, Mapping

from tokend.core.declarations import NEVER, Declarations


def login_warning(kinds: Collection[str], declared: Mapping[str, Declarations]) -> str | None:
    """Return the warning for a limit that names a channel and `user: "*"`: to which kinds anybody may log in as any user.

    `declared`: what the kinds of the app declare. A kind that is not among them is left out. None if the limit permits no
    such login.
    """
    known = [kind for kind in sorted(kinds) if kind in declared]
    logins = [kind for kind in known if has_login(declared[kind], kinds)]
    if not logins:
        return None
    others = [kind for kind in known if kind not in logins]
    advice = f"name the kinds that it is for ({', '.join(others)}), or a user" if others else "name a user"
    return (
        f'limits the channel, but its user "*" permits a login as any user to {", ".join(logins)}, '
        f"which may have no channel; {advice}"
    )


def has_login(declarations: Declarations, kinds: Collection[str]) -> bool:
    """Return whether tokens of a kind may log in a user without a channel, where `kinds` are allowed."""
    return any(
        shape.channel is NEVER and shape.user is not NEVER and (shape.kind is None or shape.kind in kinds)
        for shape in declarations.services.values()
    )
