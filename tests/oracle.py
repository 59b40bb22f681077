"""The vendor's own builders, asked over a pipe: `tests/node/oracle.js` is started once and answers in JSON.

A second opinion that shares no line with tokend. Needs node and the packages of `tests/node/package.json`.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HERE: Final = Path(__file__).parent / "node"
PACKAGES: Final = ("agora-token", "agora-access-token")

HttpResponse = Mapping[str, Any]


def missing() -> str | None:
    """Why the vendor cannot be asked here, and what to do about it; None when it can."""
    if shutil.which("node") is None:
        return "no vendor's builders: node is not on the PATH (install it; make test then installs them)"
    for package in PACKAGES:
        if not (HERE / "node_modules" / package).is_dir():
            return f"no vendor's builders: tests/node lacks {package} (make test installs it where npm is)"
    return None


class Vendor:
    """A running oracle; a context manager that ends it. Not for several threads at once."""

    def __init__(self) -> None:
        command = ["node", str(HERE / "oracle.js")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, record: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close both pipes, which ends the program, and collect it."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def token_request(self, op: str, **fields: object) -> HttpResponse:
        """One question; the fields are listed with each op in oracle.js."""
        (answer,) = self.ask_all([{"op": op, **fields}])
        return answer

    def ask_all(self, questions: Iterable[Mapping[str, object]]) -> list[HttpResponse]:
        """Many questions, each with its `op`, in one line: answers in the same order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = list(questions)
        # one line for all: the other side writes nothing before it has read everything, so no pipe can fill up
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the vendor's builders died; what they said is on standard error")
        answers: list[HttpResponse] = json.loads(line)
        for question, answer in zip(asked, answers, strict=True):
            if "error" in answer:
                raise RuntimeError(f"{question['op']}: {answer['error']}")
        return answers
