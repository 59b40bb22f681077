"""Kind `convoai`: Conversational AI's REST calls, which take RTC and RTM in the same token."""

from typing import ClassVar

from tokend.backends.agora.rtc_services import RtcRtmBackend


class ConvoAi(RtcRtmBackend):
    besides: ClassVar[tuple[str, ...]] = ("convoai",)
