"""Dialects: the HTTP APIs that tokend offers, its own and those of other token servers."""
