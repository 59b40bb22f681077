"""Backends mint and read tokens. Each kind of token has one."""
