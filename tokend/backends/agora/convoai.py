"""Kind `convoai`: REST calls of Conversational AI. Agora requires RTC and RTM in the same token."""

from typing import ClassVar

from tokend.backends.agora.names import shapes
from tokend.backends.agora.rtc_services import RtcRtmBackend


class ConvoAi(RtcRtmBackend):
    """Mints tokens with RTC, RTM and Conversational AI."""

    services: ClassVar = shapes("convoai", "rtc", "rtm")
