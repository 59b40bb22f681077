"""Callers that bring JWTs: what they trust, from a preset or written out, and ties between them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tokend.auth.jwt import ASYMMETRIC, SYMMETRIC, TrustedIssuer, is_secure_url
from tokend.auth.presets import PRESETS, Preset
from tokend.config.conditions import build_conditions, told_apart
from tokend.config.problems import KeyPath, Report, dotted
from tokend.config.references import SecretRef
from tokend.config.secrets import SecretProblem, Secrets
from tokend.config.shape import JwtShape
from tokend.core import strict_json
from tokend.core.interfaces import KeySource
from tokend.core.validation import redact_secrets, suggestion

if TYPE_CHECKING:
    from tokend.auth.jwk import Key

_PARTS: Final = tuple(sorted({need for preset in PRESETS.values() for need in preset.needs}))
_BY_HAND: Final = Preset(needs=(), issuer="")
_MIN_SECRET: Final = 32
_PART: Final = re.compile(r"[^\s/:?#@]+")


def build_trust(shape: JwtShape, caller: str, at: KeyPath, report: Report, secrets: Secrets) -> TrustedIssuer | None:
    """What the caller trusts; None where a problem keeps it from being known."""
    preset = _preset(shape, at, report)
    if preset is None:
        return None
    values = {name: value.rstrip("/") for name in _PARTS if (value := getattr(shape, name)) is not None}
    issuer = preset.issuer.format_map(values) if preset is not _BY_HAND else shape.issuer
    audience = shape.audience or ([preset.audience.format_map(values)] if preset.audience else None)
    if not issuer:
        report.add_after((*at, "issuer"), "is missing: the `iss` of the tokens, as the provider writes it")
    if not audience or "" in audience:
        report.add_after((*at, "audience"), "is missing: without it a token for any other service would do")
    keys, source = _keys(shape, preset, values, issuer or "", at, report, secrets)
    if not issuer or not audience:
        return None
    return TrustedIssuer(
        caller=caller,
        issuer=issuer,
        audiences=frozenset(audience),
        algorithms=_algorithms(shape, at, report),
        keys=keys,
        source=source,
        require=tuple(build_conditions({**preset.require, **(shape.require or {})}, (*at, "require"), report)),
        by_azp=preset.by_azp,
        cookie=preset.cookie,
    )


def check_ties(trusts: Iterable[tuple[KeyPath, TrustedIssuer, bool]], report: Report) -> None:
    """Two callers that one token could be for. `trusts`: with their paths, and whether they say `shared: true`."""
    seen: dict[str, list[tuple[KeyPath, TrustedIssuer, bool]]] = {}
    for path, trust, shared in trusts:
        for other_path, other, other_shared in seen.setdefault(trust.issuer, []):
            if not trust.audiences & other.audiences:
                continue
            where = f"{dotted(other_path[:4])} ({report.location_of(other_path)})"
            if path[1] == other_path[1]:
                report.add_after(path, f"trusts the same issuer and audience as {where}: one token could be for both")
            elif not (shared and other_shared) and not told_apart(trust.require, other.require):
                report.add_after(
                    path,
                    f"trusts the same issuer and audience as {where}: say how a token names its app, as in "
                    'require: {claims.tenant: "{app}"}, or shared: true in both',
                )
            else:
                continue
            break
        seen[trust.issuer].append((path, trust, shared))


def _preset(shape: JwtShape, at: KeyPath, report: Report) -> Preset | None:
    given = [name for name in _PARTS if getattr(shape, name) is not None]
    if shape.preset is None:
        for name in given:
            report.add_after((*at, name), "needs a preset: without one, write issuer and audience")
        return _BY_HAND
    preset = PRESETS.get(shape.preset)
    if preset is None:
        report.add_after(
            (*at, "preset"), f"'{redact_secrets(shape.preset)}' is no preset{suggestion(shape.preset, PRESETS)}"
        )
        return None
    missing = [name for name in preset.needs if name not in given]
    for name in missing:
        report.add_after((*at, name), f"is missing: preset {shape.preset} needs {', '.join(preset.needs)}")
    for name in ("issuer", "jwks", "keys", "secret"):
        if getattr(shape, name) is not None:
            report.add_after((*at, name), "stands beside a preset, which knows it")
    for name in given:
        if name not in preset.needs:
            report.add_after(
                (*at, name), f"is nothing that preset {shape.preset} takes; it takes {', '.join(preset.needs)}"
            )
    for name in preset.needs:
        if name in given and name != "url" and _PART.fullmatch(getattr(shape, name)) is None:
            report.add_after((*at, name), "must be the bare name, without https:// and without a slash")
    return None if missing else preset


def _keys(
    shape: JwtShape,
    preset: Preset,
    values: Mapping[str, str],
    issuer: str,
    at: KeyPath,
    report: Report,
    secrets: Secrets,
) -> tuple[tuple["Key", ...], KeySource | None]:
    """The keys that are written, or where they come from."""
    written = [name for name in ("jwks", "keys", "secret") if getattr(shape, name) is not None]
    if len(written) > 1:
        report.add_after((*at, written[1]), f"stands beside {written[0]}: keys come from one of them")
    if shape.secret is not None:
        return _secret(shape.secret, (*at, "secret"), report, secrets), None
    if shape.keys is not None:
        return _written_keys(shape.keys, (*at, "keys"), report, secrets), None
    url = shape.jwks if shape.jwks is not None else preset.jwks and preset.jwks.format_map(values)
    source = KeySource(issuer, discovery=True) if url is None else KeySource(url)
    if not is_secure_url(source.url) and not any(report.touches((*at, name)) for name in _PARTS):
        key = "jwks" if shape.jwks is not None else "issuer" if shape.preset is None else "url"
        report.add_after((*at, key), "must be an https URL, since the keys come from there")
    return (), source


def _secret(ref: SecretRef, at: KeyPath, report: Report, secrets: Secrets) -> tuple["Key", ...]:
    secret = secrets.read_or_report(ref, at, report)
    if secret is None:
        return ()
    text = secret.reveal()
    if text.lstrip().startswith(("-----BEGIN", "ssh-", "ecdsa-")):
        report.add_after(at, "is a public key: whoever has it could make tokens; write it under keys")
    elif len(text) < _MIN_SECRET:
        report.add_after(at, f"is shorter than {_MIN_SECRET} characters: HS256 secrets as short as that can be guessed")
    else:
        from tokend.auth.jwk import secret_key  # see there why not above

        return (secret_key(text),)
    return ()


def _written_keys(refs: Sequence[SecretRef], at: KeyPath, report: Report, secrets: Secrets) -> tuple["Key", ...]:
    """Public keys in PEM form, or JWKS documents."""
    found: list[Key] = []
    if not refs:
        report.add_after(at, "is an empty list: no token could be verified")
    for index, ref in enumerate(refs):
        try:
            found += _public_keys(secrets.read(ref, public=True).reveal())
        except SecretProblem as problem:
            report.add_after((*at, index), str(problem))
        except ValueError:
            report.add_after(
                (*at, index), "is neither a public key in PEM form nor a JWKS document with one; RSA takes 2048 bits"
            )
    return tuple(found)


def _public_keys(text: str) -> Sequence["Key"]:
    """`ValueError` where there is none."""
    from tokend.auth.jwk import import_keys, pem_key  # see there why not above

    if not text.lstrip().startswith("{"):
        return [pem_key(text)]
    found = import_keys(strict_json.loads(text.encode()))
    if not found:
        raise ValueError
    return found


def _algorithms(shape: JwtShape, at: KeyPath, report: Report) -> tuple[str, ...]:
    known = SYMMETRIC if shape.secret is not None else ASYMMETRIC
    for index, name in enumerate(shape.algorithms or ()):
        if name not in known:
            report.add_after((*at, "algorithms", index), f"must be one of {', '.join(known)}")
    return tuple(shape.algorithms or known)
