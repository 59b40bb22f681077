"""What a request does in Python, counted in process: calls, and bytecodes by module. No load and no clock changes it."""

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from benchmarks.in_process import InProcess, run
from benchmarks.scenarios import VARIANTS

_ROOT: Final = f"{Path(__file__).parent.parent}/"


class Steps(NamedTuple):
    """Each a request. `calls`: of functions of Python and of C, to a hundredth or so.

    `bytecodes`: instructions of Python, by module.
    """

    calls: float
    bytecodes: dict[str, float]


def count(name: str) -> Steps:
    """The steps of a scenario of benchmarks/in_process.py."""
    return run(partial(_count, name))


async def _count(name: str) -> Steps:
    calls, bytecodes = 0, Counter[str]()

    def called(_: FrameType, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    def entered(frame: FrameType, _: str, __: Any) -> Any:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        file = frame.f_code.co_filename

        def stepped(_: FrameType, event: str, __: Any) -> Any:
            if event == "opcode":
                bytecodes[file] += 1
            return stepped

        return stepped

    before = sys.gettrace()
    async with InProcess(name) as server:
        sys.setprofile(called)
        try:
            await server.turn()
        finally:
            sys.setprofile(None)
        sys.settrace(entered)
        try:
            await server.turn()
        finally:
            sys.settrace(before)
    each: Counter[str] = Counter()
    for file, steps in bytecodes.items():
        if not file.startswith(f"{_ROOT}benchmarks/"):
            each[module_of(file)] += steps
    return Steps(calls / VARIANTS, {module: round(steps / VARIANTS, 1) for module, steps in each.most_common()})


def module_of(file: str) -> str:
    """tokend's modules by their path; a library by its package, the standard library by its file."""
    if file.startswith(_ROOT):
        return file.removeprefix(_ROOT)
    _, found, installed = file.rpartition("site-packages/")
    if found:
        return installed.partition("/")[0]
    return Path(file).name
