"""The deny list on the admin listener: what `tokend deny` does, for the console. Each change is audited before it is made."""

import asyncio
from collections.abc import Callable, Collection
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec.structs import replace
from pydantic import Field, ValidationError

from tokend.adapters.deny_lists import CannotUse, EditedList, edited_lists
from tokend.adapters.operator_audit import record_by_operator
from tokend.core import strict_json
from tokend.core.deny_entries import (
    DenyChange,
    NeverMatches,
    StrictEntry,
    check_entry,
    entry_problem,
    parse_entries,
)
from tokend.core.errors import ApiError
from tokend.core.validation import StrictModel, first_field_error
from tokend.http.operated import Operated
from tokend.http.responses import json_error, json_response
from tokend.issuing.configuration import Configuration
from tokend.telemetry.log import JsonLog

_LONGEST: Final = 10 * 365 * 86_400
"""Seconds: ten years."""


class _Change(StrictModel):
    """The body of a change. `seconds`: how long the entry counts; None: for ever."""

    source: str
    entry: StrictEntry
    seconds: Annotated[int, Field(ge=1, le=_LONGEST)] | None = Field(default=None, alias="for")
    reason: Annotated[str, Field(max_length=200)] | None = None


class DenyEndpoints:
    """Handlers for the operator. `clock`: Unix seconds."""

    def __init__(self, operated: Operated, log: JsonLog, clock: Callable[[], float]) -> None:
        self._operated = operated
        self._log = log
        self._clock = clock

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Each source with its entries, and what is wrong with other lines."""
        configuration = self._configuration()
        if configuration is None:
            return _no_list()
        try:
            sources = [await asyncio.to_thread(_shown, edited) for edited in edited_lists(configuration.options)]
        except CannotUse as error:
            return json_error(503, str(error))
        return json_response({"sources": sources})

    async def add(self, request: web.Request) -> web.StreamResponse:
        """Add an entry, or change the end of one."""
        return await self._change(request, is_added=True)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """Remove an entry."""
        return await self._change(request, is_added=False)

    async def _change(self, request: web.Request, *, is_added: bool) -> web.StreamResponse:
        configuration = self._configuration()
        if configuration is None:
            return _no_list()
        try:
            change = _Change.model_validate(strict_json.loads(await request.read()))
            entry = change.entry.entry()
            if is_added:
                check_entry(entry, configuration.callers(), self._invalid_apps(), configuration.undated_callers())
        except ValidationError as error:
            wrong = first_field_error(error, _Change)
            return _rejected(entry_problem(wrong), next((str(step) for step in reversed(wrong.path)), None))
        except NeverMatches as error:
            return _rejected(str(error), error.field)
        except ValueError as error:
            return _rejected(f"the change is no JSON object: {error}")
        now = int(self._clock())
        if is_added and change.seconds is not None:
            entry = replace(entry, until=now + change.seconds)
        audited = DenyChange(entry, is_added, change.source, now, "console", change.reason)
        try:
            lists = {edited.source: edited for edited in edited_lists(configuration.options)}
            edited = lists.get(change.source)
            if edited is None:
                return _rejected(f"source must be one of {', '.join(sorted(lists))}", "source")
            changed = await asyncio.to_thread(self._edit, configuration, edited, audited)
        except (CannotUse, ApiError) as error:
            return json_error(503, str(error))
        if not changed:
            return json_error(404, "no entry has exactly these fields")
        return json_response({"changed": True})

    def _edit(self, configuration: Configuration, edited: EditedList, change: DenyChange) -> bool:
        """Audit and make a change, in a thread; False if there is nothing to remove."""
        entry = change.entry
        if not change.is_added and not any(entry.is_about(line) for line in edited.read().splitlines()):
            return False
        record_by_operator(configuration.options, [change], self._log)

        def changed(lines: list[bytes]) -> list[bytes]:
            kept = [line for line in lines if not entry.is_about(line)]
            return [*kept, entry.line()] if change.is_added else kept

        edited.edit(changed)
        self._log.event("deny", action="add" if change.is_added else "remove", source=change.source, app=entry.app)
        return True

    def _configuration(self) -> Configuration | None:
        reloader = self._operated.reloader
        if reloader is None or reloader.configuration.options.deny is None:
            return None
        return reloader.configuration

    def _invalid_apps(self) -> Collection[str]:
        return self._operated.reloader.invalid_apps if self._operated.reloader else ()


def _rejected(sentence: str, field: str | None = None) -> web.Response:
    """What is wrong with a change. `field`: the name of the field that it concerns, where there is one."""
    return json_response({"error": sentence, "field": field}, 400)


def _no_list() -> web.Response:
    return json_error(409, "the configuration has no deny list: add deny: {file: deny.jsonl}")


def _shown(edited: EditedList) -> dict[str, object]:
    try:
        raw = edited.read()
    except CannotUse as error:
        return {"name": edited.source, "writable": False, "entries": [], "problems": [str(error)]}
    entries, problems = parse_entries(raw)
    shown = [{"entry": msgspec.to_builtins(replace(entry, until=None)), "ends": entry.until} for entry in entries]
    return {"name": edited.source, "writable": True, "entries": shown, "problems": problems}
