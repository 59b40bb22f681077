"""Builds 007 tokens in process and prints how many, and the last: `python -m benchmarks.builders [DIR]` (SECONDS).

With DIR, the vendor's own builder for Python 3 does it: the folder `python3` of its tools, which holds `src`.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Final

CHANNEL: Final = "room-1"
UID: Final = 1001


def ours(app_id: str, certificate: str) -> Callable[[], str]:
    from tokend import agora  # the vendor's run does without

    return lambda: agora.build(
        "rtc", app_id=app_id, certificate=certificate, ttl=3600, channel=CHANNEL, uid=UID, role="publisher"
    )


def vendors(app_id: str, certificate: str, directory: str) -> Callable[[], str]:
    sys.path.insert(0, directory)
    vendor = importlib.import_module("src.RtcTokenBuilder2")
    build = vendor.RtcTokenBuilder.build_token_with_uid
    return lambda: str(build(app_id, certificate, CHANNEL, UID, vendor.Role_Publisher, 3600, 3600))


def main() -> None:
    seconds, app_credentials = float(os.environ["SECONDS"]), (os.environ["APP_ID"], os.environ["APP_CERTIFICATE"])
    build = vendors(*app_credentials, sys.argv[1]) if len(sys.argv) > 1 else ours(*app_credentials)
    for _ in range(2000):
        build()
    builds, token, begun, cpu = 0, "", time.perf_counter(), time.process_time()
    while (taken := time.perf_counter() - begun) < seconds:
        for _ in range(500):
            token = build()
        builds += 500
    cpu = time.process_time() - cpu
    print(json.dumps({"builds": builds, "seconds": taken, "cpu": cpu, "token": token}))


if __name__ == "__main__":
    main()
