"""Error messages say how to install what is missing, from a checkout and from an installed wheel."""

import sys

from tests.running import ROOT
from tokend.installing import install_command, plugin_command


def test_in_a_checkout_the_command_names_the_checkout() -> None:
    assert install_command("redis") == f"{sys.executable} -m pip install -e '{ROOT}[redis]'"
    assert install_command() == f"{sys.executable} -m pip install -e '{ROOT}'"


def test_in_a_checkout_the_package_of_a_kind_is_known() -> None:
    assert plugin_command("nats") == f"{sys.executable} -m pip install '{ROOT}/plugins/tokend-nats'"
    assert plugin_command("vonage_client") == f"{sys.executable} -m pip install '{ROOT}/plugins/tokend-vonage'"
    assert plugin_command("acme") is None
