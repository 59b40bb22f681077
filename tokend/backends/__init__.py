"""The shelf of backends. Its table is the entry-point group `tokend.backends`: see pyproject.toml and plugins.py."""
