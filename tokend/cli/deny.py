"""`deny add`, `deny list`, `deny remove` and `deny restore`: change the deny list of a configuration, for running servers too."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from tokend.adapters.deny_file import deny_file_problem, read_deny_file
from tokend.adapters.deny_lists import CannotUse, Change, EditedList, FileList, edited_lists
from tokend.adapters.deny_source import MAX_BYTES, MAX_PROBLEMS
from tokend.cli.context import (
    CommandFailed,
    Context,
    add_config,
    counted,
    fail,
    read_file,
    text_argument,
)
from tokend.cli.times import date, end_argument, moment_argument
from tokend.config.loading import Files
from tokend.config.problems import Problem
from tokend.config.yaml_tree import Location
from tokend.core.deny_entries import DenyChange, Entry, NeverMatches, check_entry, parse_entries
from tokend.core.folding import listed
from tokend.issuing.configuration import Configuration
from tokend.issuing.server_settings import RootOptions
from tokend.telemetry.log_text import printable

_FIELDS: Final = ("app", "user", "sub", "channel", "caller", "url", "issued_before")
_EFFECT: Final = "Running servers apply it within a second."


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `deny` with its verbs."""
    deny = commands.add_parser(
        "deny",
        help="block users, channels, callers or signed URLs",
        description="Change the deny list. It is in Redis (`deny.redis` in the configuration), in a file (`deny.file`), or in "
        "both. With both, `add` writes only to Redis; `list` and `remove` apply to both.",
    )
    verbs = deny.add_subparsers(title="commands", metavar="add|list|remove|restore", required=True)
    add = verbs.add_parser(
        "add",
        help="add an entry, or change the end of one",
        description=f"Block every token request that fits all options. {_EFFECT} Tokens that were issued before stay valid.",
    )
    _add_fields(add)
    add.add_argument(
        "--until",
        type=end_argument,
        metavar="TIME",
        help="when it ends: after 90s, 30m, 2h or 1d, or at a time such as 2030-01-31T18:00:00Z (default: never)",
    )
    add.set_defaults(run=_add)
    remove = verbs.add_parser(
        "remove",
        help="remove an entry",
        description="Remove the entries that have exactly these fields, whatever their `until` is. Running servers apply it "
        "within a second, or, if the file becomes empty, within three.",
    )
    _add_fields(remove)
    remove.set_defaults(run=_remove)
    listing = verbs.add_parser(
        "list",
        help="print the entries",
        description="Print each entry that has the fields given. Exit code 1 if a line is no entry, or a list cannot be read.",
    )
    _add_fields(listing)
    listing.add_argument("--json", action="store_true", help="print each entry as a line of JSON, as a file has it")
    listing.set_defaults(run=_list)
    restore = verbs.add_parser(
        "restore",
        help="add the entries of a saved list",
        description="Add each entry that `deny list --json` printed into a file, unless the list has it. If a line is no entry, "
        f"nothing is added. {_EFFECT}",
    )
    add_config(restore)
    restore.add_argument("saved", metavar="FILE", help="what `tokend deny list --json` printed; - for standard input")
    restore.set_defaults(run=_restore, file=None, **dict.fromkeys(_FIELDS))


def _add_fields(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--file", metavar="PATH", help="this deny file, without reading the configuration")
    parser.add_argument("--app", type=text_argument, metavar="NAME", help="in this app only (default: in every app)")
    parser.add_argument("--user", type=text_argument, help="a user, as tokens name it: uid or account")
    parser.add_argument(
        "--sub", type=text_argument, help="a person, by the claim sub of a JWT, or the user that a proxy names"
    )
    parser.add_argument("--channel", type=text_argument, help="a channel")
    parser.add_argument("--caller", type=text_argument, metavar="NAME", help="a caller")
    parser.add_argument("--url", type=text_argument, metavar="ID", help="the id of a signed URL")
    parser.add_argument(
        "--issued-before",
        type=moment_argument,
        metavar="TIME",
        help="only sessions and signed URLs older than this: now, or a time such as 2030-01-31T18:00:00Z. "
        "To find an entry, give its own time",
    )


def deny_problems(configuration: Configuration, *, start: bool = False) -> list[Problem]:
    """The problems of the deny file. `start`: only those with which a server cannot start. Redis is not contacted."""
    settings = configuration.options.deny
    if settings is None or settings.file is None:
        return []
    place = Location(configuration.source)
    try:
        entries, problems = parse_entries(read_deny_file(Path(settings.file))[0])
        if start and problems and not entries:
            raise ValueError("; ".join(problems[:MAX_PROBLEMS]))
    except (OSError, ValueError) as error:
        return [Problem(place, ("deny", "file"), deny_file_problem(settings.file, error))]
    sentences = problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        sentences.append(f"{len(problems) - MAX_PROBLEMS} more lines are no entries")
    return [] if start else [Problem(Location(settings.file), (), sentence) for sentence in sentences]


def _add(options: argparse.Namespace, context: Context) -> int:
    opened = _opened(options, context)
    if opened.never_matches is not None:
        fail(opened.never_matches)
    edited = opened.lists[0]
    entry = structs.replace(_entry(options), until=options.until)
    if entry == Entry(app=entry.app, until=entry.until):
        fail("name what to deny: --user, --sub, --channel, --caller, --url or --issued-before")
    replaced = 0

    def change(lines: list[bytes]) -> list[bytes]:
        nonlocal replaced
        kept = [line for line in lines if not entry.is_about(line)]
        replaced = len(lines) - len(kept)
        return [*kept, entry.line()]

    _record(opened.settings, edited, [entry], is_added=True)
    _edit(edited, change)
    print(f"{'changed' if replaced else 'added'}: {_sentence(entry, time.time())}")
    for field in ("user", "sub", "channel"):
        if "*" in (getattr(entry, field) or ""):
            print(f"warning: {field} is compared exactly: * in an entry is no pattern", file=sys.stderr)
    if opened.invalid_apps and (entry.caller is not None or entry.issued_before is not None):
        are_invalid = f"{listed(opened.invalid_apps)} {'is' if len(opened.invalid_apps) == 1 else 'are'} invalid here"
        print(f"warning: not checked whether the entry can block anybody: {are_invalid}", file=sys.stderr)
    return 0


def _remove(options: argparse.Namespace, context: Context) -> int:
    opened = _opened(options, context)
    entry = _entry(options)
    if entry == Entry(app=entry.app):
        fail("name the entry: --user, --sub, --channel, --caller, --url or --issued-before")
    removed = False
    similar: list[Entry] = []

    def change(lines: list[bytes]) -> list[bytes]:
        return [line for line in lines if not entry.is_about(line)]

    for edited in opened.lists:
        if isinstance(edited, FileList) and not edited.path.exists():  # removing must not create it
            if removed:
                continue
            raise CommandFailed(f"{edited.name} does not exist")
        lines = edited.read().splitlines()
        if not any(map(entry.is_about, lines)):  # a list that only this user cannot write needs no change
            similar.extend(other for other in parse_entries(b"\n".join(lines))[0] if _has_fields(other, entry))
            continue
        _record(opened.settings, edited, [entry], is_added=False)
        _edit(edited, change)
        removed = True
    if not removed:
        print(f"tokend: no entry has exactly these fields: {_sentence(entry, time.time())}", file=sys.stderr)
        for other in similar[:10]:
            print(f"tokend: there is: {_sentence(other, time.time())}", file=sys.stderr)
        if opened.never_matches is not None:
            print(f"tokend: {opened.never_matches}", file=sys.stderr)
        return 1
    print(f"removed: {_sentence(entry, time.time())}")
    return 0


def _restore(options: argparse.Namespace, context: Context) -> int:
    opened = _opened(options, context)
    edited = opened.lists[0]
    try:
        raw = read_file(options.saved, MAX_BYTES)
    except (OSError, ValueError) as error:
        fail(deny_file_problem(options.saved, error, "saved list"))
    entries, problems = parse_entries(raw)
    if problems:
        fail("; ".join(f"{options.saved}: {problem}" for problem in problems[:MAX_PROBLEMS]))
    if isinstance(edited, FileList):
        edited = FileList(edited.path, creates=True)
    saved = dict.fromkeys(entries)
    missing = _without(saved, edited.read().splitlines())

    def change(lines: list[bytes]) -> list[bytes]:
        return [*lines, *(entry.line() for entry in _without(missing, lines))]

    if missing:
        _record(opened.settings, edited, missing, is_added=True)
        _edit(edited, change)
    print(f"added {len(missing)} of {len(saved)} entries; the list had the others")
    return 0


def _without(entries: Iterable[Entry], lines: Iterable[bytes]) -> list[Entry]:
    """The entries, in their order, that are not among the lines."""
    present = set(parse_entries(b"\n".join(lines))[0])
    return [entry for entry in entries if entry not in present]


def _list(options: argparse.Namespace, context: Context) -> int:
    fields, is_sound, is_found = _entry(options), True, False
    opened = _opened(options, context)
    for edited in opened.lists:
        try:
            entries, problems = parse_entries(edited.read())
        except CannotUse as error:
            print(f"tokend: {error}", file=sys.stderr)
            is_sound = False
            continue
        for entry in entries:
            if _has_fields(entry, fields):
                is_found = True
                print(printable(entry.line().decode()) if options.json else _sentence(entry, time.time()))
        for problem in problems:
            print(f"tokend: {edited.name}: {problem}", file=sys.stderr)
        is_sound = is_sound and not problems
    if opened.never_matches is not None and not is_found:
        fail(opened.never_matches)
    return 0 if is_sound else 1


class _Opened(Struct, frozen=True):
    """The deny lists of a command, the one for new entries first. With --file there is only that one.

    `never_matches`: why the entry would block nobody. `invalid_apps`: those that it may be about; their callers are unknown.
    """

    lists: list[EditedList]
    settings: RootOptions | None = None
    never_matches: str | None = None
    invalid_apps: tuple[str, ...] = ()


def _opened(options: argparse.Namespace, context: Context) -> _Opened:
    """The lists of the configuration. Exits with code 2 if there is none.

    An entry may be about an app or a caller that has been removed since: only a new entry needs the names of the configuration.
    """
    if options.file is not None:
        return _Opened([FileList(context.directory / str(options.file))])
    isolated = context.source(options).load_isolated(Files())  # invalid apps must not keep anybody from a block
    options_of_root = isolated.configuration.options
    if options_of_root.deny is None:
        fail(
            "the configuration has no deny list: add deny: {file: deny.jsonl}, and restart or reload, or name a --file"
        )
    never_matches = None
    invalid_apps = tuple(name for name in isolated.invalid_apps if options.app in (None, name))
    try:
        configuration = isolated.configuration
        check_entry(_entry(options), configuration.callers(), isolated.invalid_apps, configuration.undated_callers())
    except NeverMatches as error:
        never_matches = str(error)
    return _Opened(edited_lists(options_of_root), options_of_root, never_matches, invalid_apps)


def _record(settings: RootOptions | None, edited: EditedList, entries: Sequence[Entry], *, is_added: bool) -> None:
    """Write the changes to the audit before they are made. Raises `ApiError`."""
    if settings is None or settings.audit is None:
        return
    from tokend.adapters.operator_audit import record_by_operator  # aiohttp is slow to import
    from tokend.telemetry.log import standard_error

    changes = [DenyChange(entry, is_added, edited.source, int(time.time()), "cli") for entry in entries]
    record_by_operator(settings, changes, standard_error(time.time))


def _edit(edited: EditedList, change: Change) -> None:
    """Change the list, and report what is wrong with its other lines. Raises `CannotUse`."""
    problems: list[str] = []

    def checked(lines: list[bytes]) -> list[bytes]:
        changed = change(lines)
        problems[:] = parse_entries(b"\n".join(changed))[1]
        return changed

    edited.edit(checked)
    if problems:
        count = counted(len(problems), "other line")
        print(
            f"warning: {edited.name}: {count} that {'is' if len(problems) == 1 else 'are'} no entry: "
            f"{'; '.join(problems[:3])}. Until that is corrected, running servers remove no entry",
            file=sys.stderr,
        )


def _entry(options: argparse.Namespace) -> Entry:
    return Entry(**{field: getattr(options, field) for field in _FIELDS})


def _has_fields(entry: Entry, fields: Entry) -> bool:
    return all(getattr(fields, field) in (None, getattr(entry, field)) for field in _FIELDS)


def _sentence(entry: Entry, now: float) -> str:
    parts = []
    for field in _FIELDS:
        value = getattr(entry, field)
        if value is not None:
            parts.append(
                f"issued before {date(value)}" if field == "issued_before" else f"{field} {printable(str(value))}"
            )
    if entry.until is not None:
        parts.append(f"{'until' if entry.until > now else 'ended'} {date(entry.until)}")
    return ", ".join(parts)
