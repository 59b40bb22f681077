"""`python -m tokend` is the `tokend` command."""

from tokend.cli import main

raise SystemExit(main())
