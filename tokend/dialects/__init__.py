"""Dialects: the HTTP API of each supported token server, parsed and rendered."""
