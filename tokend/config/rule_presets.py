"""Presets of rules. The keys of a preset apply where the written rule leaves them out."""

from collections.abc import Collection, Mapping
from typing import Any

from tokend.config.problems import KeyPath, Report
from tokend.config.vendor_defaults import RULE_PRESETS
from tokend.core.validation import redact_secrets, suggestion


def preset_keys(
    written: Mapping[str, Any], kinds: Collection[str], at: KeyPath, report: Report, *, brings_claims: bool
) -> dict[str, Any]:
    """The keys that the preset adds to a rule. `kinds`: those of the app."""
    name = written.get("preset")
    if not isinstance(name, str):
        return {}
    preset = RULE_PRESETS.get(name)
    if preset is None:
        sentence = f"'{redact_secrets(name)}' is no preset of a rule{suggestion(name, RULE_PRESETS)}"
        report.add_after((*at, "preset"), sentence)
        return {}
    found = [kind for kind in preset.kinds if kind in kinds]
    if "kinds" not in written and not found and not report.touches((*at[:2], "backends")):
        report.add_after(
            (*at, "preset"), f"is for {' and '.join(preset.kinds)}, which this app does not have: write kinds"
        )
    if "user" not in written and (preset.user is None or not brings_claims):
        why = "is made of a claim, which only a jwt caller has" if preset.user else "is the program's own"
        report.add_after((*at, "user"), f"is missing: under preset {name} it {why}; write it")
    return {
        "kinds": frozenset(found),
        "roles": frozenset(preset.roles),
        **({"user": preset.user} if preset.user is not None and brings_claims else {}),
        **({"ttl": {"max": f"{preset.max_ttl}s"}} if preset.max_ttl is not None else {}),
    }
