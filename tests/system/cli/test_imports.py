"""What `import tokend` brings along, and what it does not."""

import subprocess
import sys


def test_importing_tokend_imports_no_aiohttp() -> None:
    code = "import sys, tokend, tokend.agora, tokend.plugins; print('aiohttp' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
