"""Error messages say how to install what is missing, from a checkout and from an installed wheel."""

import sys

from tests.running import ROOT
from tokend.installing import install_command


def test_in_a_checkout_the_command_names_the_checkout() -> None:
    assert install_command("redis") == f"{sys.executable} -m pip install -e '{ROOT}[redis]'"
    assert install_command() == f"{sys.executable} -m pip install -e '{ROOT}'"
