"""Test suites and test doubles for plug-in authors."""
