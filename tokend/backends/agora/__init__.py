"""Agora's kinds of token: wire formats, kinds and diagnosis."""
