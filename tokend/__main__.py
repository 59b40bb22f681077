"""`python -m tokend` is the `tokend` command. A package that is missing is told of in a sentence."""

import sys


def main() -> int:
    """The exit code."""
    try:
        from tokend.cli import main as run

        return run()
    except ModuleNotFoundError as error:
        what = f"the package {error.name} is missing: install tokend with its dependencies (pip install tokend)"
        print(f"tokend: {what}", file=sys.stderr)  # noqa: T201  # a command prints
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
