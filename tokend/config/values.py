"""Types of single values in the configuration: names of variables and credentials, and paths of files."""

from typing import Annotated

from pydantic import AfterValidator

from tokend.core.validation import matching

Variable = Annotated[
    str, AfterValidator(matching(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of an environment variable"))
]
File = Annotated[str, AfterValidator(matching(r"[^\0]+", "must be the path of a file"))]
Credential = Annotated[
    str,
    AfterValidator(
        matching(r"(?!\.{1,2}\Z)[^/:\x00-\x1f]{1,255}", "must be the name of a systemd credential, which has no slash")
    ),
]
