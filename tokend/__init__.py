"""tokend: issues short-lived access tokens for real-time services, only to callers that a rule allows.

`tokend.create_app` makes the aiohttp application; it is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokend.app import CONTROL, CannotStart, ConfigurationError, create_admin_app, create_app

__version__ = "0.2.0"
__all__ = ["CONTROL", "CannotStart", "ConfigurationError", "__version__", "create_admin_app", "create_app"]


def __getattr__(name: str) -> Any:
    """Import the application only for who uses it: `import tokend` imports no aiohttp."""
    if name in __all__:
        from tokend import app

        return getattr(app, name)
    raise AttributeError(f"module 'tokend' has no attribute {name!r}")
