"""The admin listener: the operator's application with its own socket and connection limiter."""

import time
from typing import Final

from tokend.core.listening import Listen
from tokend.http import admin
from tokend.http.connection_limiter import Caps, ConnectionLimiter, Deadlines
from tokend.http.operated import Operated
from tokend.http.server import LimitedRunner
from tokend.issuing.server_settings import Admin
from tokend.telemetry.log import JsonLog

RELOAD_SECONDS: Final = 600.0
"""The longest time that a reload may take. Four workers with 10,000 changed apps took half a minute on a slow machine."""
CONNECTIONS: Final = 100


def admin_runner(operated: Operated, settings: Admin | None, log: JsonLog, public: Listen | None) -> LimitedRunner:
    """What serves the operator's application. `settings`: None if a service manager alone opened the listener.

    `public`: the address of the public listener; None if that is a unix socket.
    """
    limiter = ConnectionLimiter(
        Deadlines(answer=RELOAD_SECONDS), Caps(CONNECTIONS), log, time.monotonic, lambda peer: False
    )
    key = settings.key if settings else None
    host = settings.listen.host if settings and isinstance(settings.listen, Listen) else None
    application = admin.application_of(operated, key, log, host=host, public=public.url if public else None)
    return LimitedRunner(application, admin.unreadable(log), limiter)
