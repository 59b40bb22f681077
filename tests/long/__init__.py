"""Proofs at full size of what tokend promises, run by `make soak`; the ordinary tests hold a smaller version of each.

One script a promise, `p<number>_<what>.py`, with a `run(report)`. `--write` puts what it found into docs/figures.md.
"""
