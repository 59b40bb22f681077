"""A process that is forked: by an application server that loads the program before it starts its workers, say."""

import subprocess
import sys

FORK = """
import os
from tokend.adapters.system import SYSTEM_NONCES
SYSTEM_NONCES.nonce()
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, SYSTEM_NONCES.request_id().encode())
    os._exit(0)
os.wait()
print(SYSTEM_NONCES.request_id(), os.read(reading, 16).decode())
"""


def test_a_forked_process_draws_numbers_of_its_own() -> None:
    """It drew those that its parent was about to draw."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True, timeout=30)
    of_parent, of_child = done.stdout.split()
    assert of_parent != of_child
