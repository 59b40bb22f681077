"""Kind `convoai`: REST calls of Conversational AI. Agora requires RTC and RTM in the same token."""

from typing import ClassVar

from tokend.backends.agora.rtc_services import RtcRtmBackend


class ConvoAi(RtcRtmBackend):
    """Mints tokens with RTC, RTM and Conversational AI."""

    extra_services: ClassVar[tuple[str, ...]] = ("convoai",)
