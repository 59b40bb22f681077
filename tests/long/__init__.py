"""Proofs at full size of what tokend promises, run by `make proofs`; the ordinary tests hold a smaller version of each.

One script for each promise, named after what it proves; its docstring begins with the promise's number, and it has a
`run(report)`. The helpers beside them have no such number.
"""
