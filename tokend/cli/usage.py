"""Messages about wrong usage: they repeat no argument that looks like a secret. Imports nothing, for `tokend health`."""

import argparse
from typing import Any, NoReturn


def without_secrets(sentence: str) -> str:
    """The sentence with a placeholder for each word that looks like a secret. A log of commands may keep it."""
    from tokend.core.validation import redact_secrets  # imports pydantic, only where there is an error

    return " ".join(map(redact_secrets, sentence.split(" ")))


class Parser(argparse.ArgumentParser):
    """argparse quotes arguments that it does not know, and of an option that is given twice it forgets the first value."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("action", None, _Once)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after the message."""
        super().error(without_secrets(message))


class _Once(argparse.Action):
    """The action of options with a value. Of those that say where a server is, the last value counts: scripts add them."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        is_given = option_string is not None and getattr(namespace, self.dest, self.default) is not self.default
        if is_given and self.dest not in ("config", "host", "port"):
            raise argparse.ArgumentError(self, "is given twice")
        setattr(namespace, self.dest, values)
