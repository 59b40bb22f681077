"""The error codes that clients of Agora's products show. Their sources: docs/reference/agora-platform.md."""

from collections.abc import Iterable, Mapping
from typing import Final

from tokend.backends.agora.names import PRODUCT_NAMES

EXPIRED: Final[Mapping[str, str]] = {"rtc": "109", "rtm": "-10009", "chat": "108"}
INVALID: Final[Mapping[str, str]] = {"rtc": "110", "rtm": "-10005", "chat": "104"}
INVALID_APP_ID: Final[Mapping[str, str]] = {"rtc": "101 or 110", "rtm": "-10005", "chat": "104"}
INVALID_CHANNEL: Final[Mapping[str, str]] = {"rtc": "102", "rtm": "-10008"}
INVALID_UID: Final[Mapping[str, str]] = {"rtc": "121"}
INVALID_USER: Final[Mapping[str, str]] = {"rtc": "134", "rtm": "-10006", "chat": "101"}
_SHORT_NAMES: Final = {**PRODUCT_NAMES, "rtm": "RTM"}


def product_of(service: str) -> str:
    """Return the product whose client shows the errors of a service: an RTM2 service is for RTM clients."""
    return "rtm" if service == "rtm2" else service


def clients_get(codes: Mapping[str, str], services: Iterable[str]) -> str:
    """Return which clients get which code: `RTC clients get 109, RTM clients -10009`."""
    products = [product for product in dict.fromkeys(map(product_of, services)) if product in codes]
    if not products:
        return "clients are rejected"
    first, *others = products
    return f"{_SHORT_NAMES[first]} clients get {codes[first]}" + "".join(
        f", {_SHORT_NAMES[product]} clients {codes[product]}" for product in others
    )
