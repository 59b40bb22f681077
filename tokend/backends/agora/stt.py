"""Kind `stt`: Speech-to-text's REST calls, which take RTC and RTM in the same token."""

from typing import ClassVar

from tokend.backends.agora.rtc_services import RtcRtmBackend


class Stt(RtcRtmBackend):
    besides: ClassVar[tuple[str, ...]] = ("stt",)
