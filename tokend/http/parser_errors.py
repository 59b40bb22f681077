"""The limits of aiohttp's HTTP parser, and errors for requests that it rejects. What it rejects is quoted nowhere."""

from typing import Final

from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from tokend.core.errors import ApiError, Code

MAX_URL: Final = 8190
"""The most bytes of a URL."""
MAX_HEADER: Final = 8192
"""The most bytes of a header's value. It differs from `MAX_URL`, since `LineTooLong` names the limit and not the line."""
MAX_HEADERS: Final = 128
"""The most headers of a request."""
UNREADABLE: Final = "this cannot be read as an HTTP request"
_TOO_MANY: Final = "Too many headers received"


def parser_error(error: BaseException | None) -> ApiError:
    """The error for a request that the parser rejected with this exception: 431, 414, or 400 for any other reason."""
    if isinstance(error, LineTooLong):
        if error.args[1] == MAX_URL:
            sentence = f"the URL is over {MAX_URL} bytes"
            return ApiError(Code.URL_TOO_LONG, sentence, operator=sentence)
        sentence = f"a header is over {MAX_HEADER} bytes"
        return ApiError(Code.HEADERS_TOO_LARGE, sentence, operator=sentence)
    if isinstance(error, BadHttpMessage) and error.message == _TOO_MANY:
        sentence = f"there are over {MAX_HEADERS} headers"
        return ApiError(Code.HEADERS_TOO_LARGE, sentence, operator=sentence)
    reason = None if error is None else f"the HTTP parser says {type(error).__name__}"
    return ApiError(Code.MALFORMED, UNREADABLE, operator=reason)
