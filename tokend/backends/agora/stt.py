"""Kind `stt`: REST calls of Speech-to-text. Agora requires RTC and RTM in the same token."""

from typing import ClassVar

from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcRtmBackend


class Stt(RtcRtmBackend):
    """Mints tokens with RTC, RTM and Speech-to-text."""

    services: ClassVar = shapes("stt", "rtc", "rtm")
