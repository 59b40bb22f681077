"""`make bench`: tokend and its peers, each on one core, in turns, driven by wrk from another. docs/performance.md says more."""
