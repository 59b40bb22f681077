"""Writes what the operator does, at the command line or in the console, to the audit: each time in a chain of its own."""

import asyncio
import secrets
from collections.abc import Sequence

from tokend.adapters.resources import CannotStart, open_audit
from tokend.core.deny_entries import DenyChange
from tokend.core.errors import ApiError, Code
from tokend.core.model import Decision
from tokend.issuing.server_settings import RootOptions
from tokend.telemetry.log import JsonLog


def record_by_operator(options: RootOptions, entries: Sequence[Decision | DenyChange], log: JsonLog) -> None:
    """Write entries to the audit, if there is one, before what they are about happens. Runs in a thread without an event loop.

    Raises `ApiError` if it cannot be written.
    """
    if options.audit is None:
        return
    try:
        audit = open_audit(options.audit, secrets.token_hex(8), log, options.server.instance)
        try:
            asyncio.run(audit.record(entries))
            audit.flush()
            audit.close_chains()
        finally:
            audit.close()
    except (CannotStart, OSError) as error:
        raise ApiError(Code.UNAVAILABLE, f"the audit cannot be written: {error}") from error
