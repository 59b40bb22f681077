"""The closed list of error codes as a table: what each means, and what a client should do."""

from collections.abc import Mapping
from typing import Final

from tokend.core.errors import Code

CLIENT: Final[Mapping[Code, str]] = {
    Code.MALFORMED: "Correct the request. Sending it again does not help.",
    Code.UNKNOWN_FIELD: "Remove the field; `field` names it.",
    Code.INVALID_FIELD: "Correct the field; `field` names it.",
    Code.TTL_OUT_OF_RANGE: "Send a `ttl` within the bounds that the message names, or none.",
    Code.CREDENTIAL_AMBIGUOUS: "Send one credential.",
    Code.UNAUTHENTICATED: "Sign the user in, or send the key.",
    Code.CREDENTIAL_INVALID: "Renew the user's JWT once and send the request again. Otherwise sign the user in.",
    Code.NOT_PERMITTED: "Do not repeat it. Show that this user may not join, or request less. "
    "To a preflight (OPTIONS): [`cors`](../troubleshooting.md#the-page-cannot-read-the-response-cors) rejects it.",
    Code.CAPABILITY_REQUIRED: "Do not repeat it. Name a user and a channel, or have the operator extend the rule.",
    Code.WRONG_APP: "Use the base URL of that app.",
    Code.NOT_FOUND: "Check the base URL and the path.",
    Code.METHOD_NOT_ALLOWED: "Use a method of the header `Allow`.",
    Code.REQUEST_TIMEOUT: "Send it again, with growing pauses.",
    Code.TOO_LARGE: "Send fewer token requests in one batch.",
    Code.URL_TOO_LONG: "Send a shorter URL, or a POST.",
    Code.HEADERS_TOO_LARGE: "Send fewer cookies and headers.",
    Code.UNSUPPORTED_MEDIA_TYPE: "Send JSON with `Content-Type: application/json`, uncompressed.",
    Code.RATE_LIMITED: "Wait for the seconds of `Retry-After`, then send it again.",
    Code.UNAVAILABLE: "Send it again after the seconds of `Retry-After`, or with growing pauses. "
    "Keep the old token until it ends.",
    Code.INTERNAL: "Send it again with growing pauses. If the error remains, report `X-Request-ID` to the operator.",
}
"""What a client should do."""


def markdown() -> str:
    """A table with a row for each code."""
    rows = [f"| `{code}` | {code.status} | {code.meaning} | {CLIENT[code]} |" for code in Code]
    return "\n".join(["| Code | Status | Meaning | What a client should do |", "|---|---|---|---|", *rows, ""])
