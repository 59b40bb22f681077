"""Callers whose user a proxy in front names: which headers, from a preset or written out, and what they cannot do without."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from tokend.auth.forward_auth import ForwardAuthConfig, SecretHeader
from tokend.auth.presets import FORWARD_PRESETS, ForwardPreset
from tokend.config.conditions import build_conditions, told_apart
from tokend.config.problems import KeyPath, Report
from tokend.config.secrets import Secrets
from tokend.config.shape import ForwardAuthShape, SecretHeaderShape
from tokend.core.validation import redact_secrets, suggestion
from tokend.issuing.server_settings import ServerSettings

_CLAIM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET: Final = re.compile(r"[!-~]{16,}")


def build_forwarding(
    shape: ForwardAuthShape, caller: str, at: KeyPath, report: Report, secrets: Secrets
) -> ForwardAuthConfig | None:
    """What the caller reads; None where a problem keeps it from being known."""
    preset = _preset(shape, at, report)
    secret = _secret_header(shape.secret_header, (*at, "secret_header"), report, secrets)
    require = tuple(build_conditions(shape.require or {}, (*at, "require"), report))
    if preset is None:
        return None
    claims = {name: header.lower() for name, header in preset.claims.items()}
    lists = {name: header.lower() for name, header in preset.lists.items()}
    found = ForwardAuthConfig(caller, preset.user.lower(), claims, lists, None, require)
    if secret is not None and secret.name in found.headers:
        report.add_after((*at, "secret_header", "name"), "is read as a claim already: the secret would be one")
    return replace(found, secret_header=secret)


def check_told_apart(forwardings: Sequence[ForwardAuthConfig], at: KeyPath, report: Report) -> None:
    """Two callers of one route for which one user could be both. `at`: the route's `callers`."""
    for index, one in enumerate(forwardings):
        for other in forwardings[:index]:
            if one.user == other.user and not told_apart(one.require, other.require):
                both = f"{redact_secrets(other.caller)} and {redact_secrets(one.caller)}"
                sentence = "that read the same header: have both require the same claim, with different values"
                report.add_after(at, f"takes in two forward_auth callers, {both}, {sentence}")
                return


def check_proxies(callers: Iterable[KeyPath], server: ServerSettings, report: Report) -> None:
    """`callers`: the paths of `forward_auth`, which is nothing without a proxy that is trusted."""
    at: KeyPath = ("server", "trusted_proxies")
    if server.trusted_proxies or report.touches(at) or report.is_broken(at):
        return
    for path in callers:
        report.add_after(path, "needs server.trusted_proxies, the addresses of the proxy: anybody can send its headers")


def _preset(shape: ForwardAuthShape, at: KeyPath, report: Report) -> ForwardPreset | None:
    """The preset, or what is written out in its place."""
    if shape.preset is None:
        return _written_out(shape, at, report)
    preset = FORWARD_PRESETS.get(shape.preset)
    if preset is None:
        sentence = f"'{redact_secrets(shape.preset)}' is no preset{suggestion(shape.preset, FORWARD_PRESETS)}"
        report.add_after((*at, "preset"), sentence)
    for name in ("user", "claims", "lists"):
        if getattr(shape, name) is not None:
            report.add_after((*at, name), "stands beside a preset, which knows it")
    return preset


def _written_out(shape: ForwardAuthShape, at: KeyPath, report: Report) -> ForwardPreset | None:
    claims, lists = shape.claims or {}, shape.lists or {}
    for key, names in (("claims", claims), ("lists", lists)):
        for name in names:
            if _CLAIM.fullmatch(name) is None or name == "sub":
                report.add_after((*at, key, name), "must be a name of A-Z a-z 0-9 _ -; and sub is what user gives")
    for name in lists.keys() & claims.keys():
        report.add_after((*at, "lists", name), "stands under claims too")
    if shape.user is None:
        report.add_after((*at, "user"), "is missing: the header in which the proxy names the user")
        return None
    return ForwardPreset(shape.user, claims, lists)


def _secret_header(
    shape: SecretHeaderShape | None, at: KeyPath, report: Report, secrets: Secrets
) -> SecretHeader | None:
    if shape is None:
        return None
    if shape.name is None:
        report.add_after((*at, "name"), "is missing: the header that carries the secret")
    what = "a text that the proxy and tokend alone know"
    secret = secrets.read_or_report(shape.secret, (*at, "secret"), report, what)
    if secret is None:
        return None
    if _SECRET.fullmatch(secret.reveal()) is None:
        report.add_after((*at, "secret"), "must be 16 visible ASCII characters or more, none of them blank")
    return SecretHeader(shape.name or "", secret)
