"""Every command with its options as Markdown, from the parser of the command line."""

import argparse
from collections.abc import Iterator

from docs.site.reference.configuration import escaped
from tokend.cli import commands


def markdown() -> str:
    """A heading for each command, its description, and its options."""
    return "\n".join(line for parser in _parsers(commands._parser()) for line in _section(parser))


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands, each before its own."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from _parsers(command)


def _section(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## `{parser.prog}`\n"
    yield f"{escaped(parser.description or '')}\n"
    actions = [action for action in parser._actions if _is_listed(action)]
    if actions:
        yield "| Argument | Meaning |\n|---|---|"
    for action in actions:
        meaning = escaped((action.help or "") % vars(action)).replace("|", "\\|")
        yield f"| {_written(action)} | {meaning} |"
    yield ""


def _is_listed(action: argparse.Action) -> bool:
    return not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)


def _written(action: argparse.Action) -> str:
    """The option or the argument as it is typed."""
    name = action.metavar or action.dest.upper()
    values = " " + (name if isinstance(name, str) else " ".join(name)) if action.nargs != 0 else ""
    if not action.option_strings:
        return f"`{values.strip()}`"
    return ", ".join(f"`{option}{values}`" for option in action.option_strings)
