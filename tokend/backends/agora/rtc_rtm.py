"""Kind `rtc_rtm`: one token for an RTC channel and for Signaling."""

from tokend.backends.agora.rtc_services import RtcRtmBackend


class RtcRtm(RtcRtmBackend):
    """RTC and RTM, nothing besides."""
