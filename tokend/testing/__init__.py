"""Test suites and test doubles for plug-in authors: import them from here."""

from tokend.testing.backends import BackendConformance
from tokend.testing.keys import new_rsa_key, public_rsa_key

__all__ = ["BackendConformance", "new_rsa_key", "public_rsa_key"]
