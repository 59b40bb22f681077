"""Kind `rtc_rtm`: one token for an RTC channel and for Signaling."""

from tokend.backends.agora.rtc_services import RtcRtmBackend


class RtcRtm(RtcRtmBackend):
    """Mints tokens with RTC and RTM."""
