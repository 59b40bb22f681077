"""Backends for Agora: token formats 006 and 007, one module for each kind, and the diagnosis of tokens."""
