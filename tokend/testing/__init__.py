"""Test suites and test doubles for plug-in authors: import them from here."""

from tokend.testing.backends import BackendConformance

__all__ = ["BackendConformance"]
