"""`python -m tokend` is the `tokend` command. A package that is missing is reported in a sentence."""

import os
import signal
import sys


def main() -> int:
    """The exit code."""
    _forget_working_directory()
    # signals of a server would end it until it has handlers; the configuration is read only after that
    if sys.argv[1:2] == ["serve"]:
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
    try:
        from tokend.cli import main as run

        return run()
    except ModuleNotFoundError as error:
        if error.name is None:
            raise  # not by an import: a bug
        from tokend.installing import install_command

        what = f"the package {error.name} is missing: install tokend with its dependencies"
        print(f"tokend: {what}: {install_command()}", file=sys.stderr)  # noqa: T201  # a command prints
        return 1
    except KeyboardInterrupt:  # by the signal, not with a traceback: so a script that runs the command ends too
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
        return 128 + signal.SIGINT


def _forget_working_directory() -> None:
    """Import nothing from the working directory, which `python -m` puts first, unless this package lies there."""
    try:
        directory = os.getcwd()  # noqa: PTH109  # pathlib is not imported yet, and could lie there
    except FileNotFoundError:
        return
    package = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # see above
    if sys.path[0] == directory and package != os.path.join(directory, "tokend"):  # noqa: PTH118  # see above
        del sys.path[0]


if __name__ == "__main__":
    raise SystemExit(main())
