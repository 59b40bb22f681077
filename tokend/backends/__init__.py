"""Backends: each mints and reads one kind of token."""
