"""Starts a Python module that tells a file, on SIGRTMIN, how many asyncio tasks it has. Nothing of it is in the product.

`python counted_tasks.py FILE python -m tokend serve …`
"""

import asyncio
import runpy
import signal
import sys
from pathlib import Path


def main(told: Path, module: str, arguments: list[str]) -> None:
    def tell(*_: object) -> None:
        fresh = told.with_suffix(".fresh")
        fresh.write_text(str(len(asyncio.all_tasks())))
        fresh.rename(told)

    signal.signal(signal.SIGRTMIN, tell)
    sys.path.pop(0)  # this directory: what stands in it is not for the module to import
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[4], sys.argv[5:])
