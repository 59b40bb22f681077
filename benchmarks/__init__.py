"""`make bench`: tokend and its peers, each on one core, in turns; wrk drives them from another. See docs/performance.md."""
