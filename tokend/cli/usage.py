"""Messages about wrong usage: they repeat no argument that looks like a secret. Imports nothing, for `tokend health`."""

import argparse
from typing import NoReturn


def without_secrets(sentence: str) -> str:
    """The sentence with a placeholder for each word that looks like a secret. A log of commands may keep it."""
    from tokend.core.validation import redact_secrets  # imports pydantic, only where there is an error

    return " ".join(map(redact_secrets, sentence.split(" ")))


class Parser(argparse.ArgumentParser):
    """argparse quotes arguments that it does not know."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after the message."""
        super().error(without_secrets(message))
