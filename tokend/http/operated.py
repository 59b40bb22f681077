"""What the admin listener operates, and its metrics as a whole."""

import asyncio
import time
from typing import Protocol

from msgspec.structs import replace

from tokend.http.reloader import Reloader
from tokend.telemetry.metrics import NOTHING, Snapshot, Values, merged


class Operated(Protocol):
    """What is operated: one application, or the processes of `tokend serve`. `reloader`: None if it has no file."""

    @property
    def reloader(self) -> Reloader | None: ...

    async def snapshot(self) -> Snapshot:
        """The metrics of all processes, those that have ended included."""

    def not_ready_reasons(self) -> list[str]:
        """Why no request should be sent here; empty: it is ready."""


async def full_snapshot(operated: Operated) -> Snapshot:
    """Its metrics, with those that belong to no process alone."""
    gauges: Values = {
        "tokend_workers": {(): 0.0},  # so that it is 0 when all have ended, and not missing
        "tokend_ready": {(): float(not operated.not_ready_reasons())},
    }
    if (reloader := operated.reloader) is not None:
        gauges |= {
            "tokend_apps": {(): float(len(reloader.configuration.apps))},
            "tokend_app_valid": {
                **{(name,): 1.0 for name in reloader.configuration.apps},
                **{(name,): 0.0 for name in reloader.invalid_apps},
            },
            "tokend_config_info": {(reloader.configuration.apps_fingerprint,): 1.0},
            "tokend_key_expires_timestamp_seconds": reloader.configuration.next_key_ends(time.time()),
            "tokend_config_last_reload_successful": {(): float(not reloader.refused)},
            "tokend_config_last_load_timestamp_seconds": {(): reloader.loaded_at},
        }
    return await asyncio.to_thread(merged, [await operated.snapshot(), replace(NOTHING, values=gauges)])
