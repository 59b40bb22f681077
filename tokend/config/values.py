"""Types of single values in the configuration: names of variables and credentials, and paths of files."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from tokend.core.validation import invalid, matching

_CREDENTIAL: Final = re.compile(r"[^/:\x00-\x1f]{1,255}")


def _file(text: str) -> str:
    if not text or "\0" in text:
        raise invalid("must be the path of a file")
    return text


def _credential(text: str) -> str:
    if _CREDENTIAL.fullmatch(text) is None or text in (".", ".."):
        raise invalid("must be the name of a systemd credential, which has no slash")
    return text


Variable = Annotated[
    str, AfterValidator(matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of an environment variable"))
]
File = Annotated[str, AfterValidator(_file)]
Credential = Annotated[str, AfterValidator(_credential)]
