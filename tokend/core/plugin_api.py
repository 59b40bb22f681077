"""The version of what `tokend.plugins` offers. Every plug-in states the version that it was written for."""

from typing import Final

API_VERSION: Final = 1
"""Goes up when a plug-in that was written for the version before would no longer work."""
OLDEST_API_VERSION: Final = 1
"""The oldest version whose plug-ins still work."""
