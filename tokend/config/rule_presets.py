"""Rules by name: each a few lines of data, whose keys count where the written rule leaves them out."""

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct

from tokend.config.problems import KeyPath, Report
from tokend.config.shape import RuleShape, RuleTtl
from tokend.core.model import PLATFORM_MAX_TTL
from tokend.core.validation import redact_secrets, suggestion


class RulePreset(Struct, frozen=True):
    """`kinds`: those of them that the app has, at least one. `user` None: the rule has to write it."""

    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    user: str | None = None
    max_ttl: int | None = None


RULE_PRESETS: Final[Mapping[str, RulePreset]] = {
    # cloud recording joins with a uid of its own, and cannot renew its token: it has to outlast the recording
    "recorder": RulePreset(kinds=("rtc",), roles=("subscriber",), max_ttl=PLATFORM_MAX_TTL),
    # the second uid of a user who shares the screen
    "screen_share": RulePreset(kinds=("rtc",), roles=("publisher",), user="{claims.sub|screen_uid}"),
    # a program that hears and speaks
    "agent": RulePreset(kinds=("rtc", "rtm"), roles=("publisher", "subscriber")),
}


def apply_preset(
    shape: RuleShape, kinds: Collection[str], at: KeyPath, report: Report, *, signed_in: bool
) -> RuleShape:
    """The rule with what its preset adds. `kinds`: those that the app has; `signed_in`: whether the caller has claims."""
    if shape.preset is None:
        return shape
    preset = RULE_PRESETS.get(shape.preset)
    if preset is None:
        sentence = f"'{redact_secrets(shape.preset)}' is no preset of a rule{suggestion(shape.preset, RULE_PRESETS)}"
        report.add_after((*at, "preset"), sentence)
        return shape
    found = [one for one in preset.kinds if one in kinds]
    if shape.kinds is None and not found and not report.touches((*at[:2], "backends")):
        report.add_after(
            (*at, "preset"), f"is for {' and '.join(preset.kinds)}, which this app does not have: write kinds"
        )
    if shape.user is None and (preset.user is None or not signed_in):
        why = "is made of a claim, which only a jwt caller has" if preset.user else "is the program's own"
        report.add_after((*at, "user"), f"is missing: under preset {shape.preset} it {why}; write it")
    filled = {
        "kinds": found,
        "roles": list(preset.roles),
        "user": preset.user if signed_in else None,
        "ttl": None if preset.max_ttl is None else RuleTtl.model_construct(max=preset.max_ttl),
    }
    return shape.model_copy(update={key: value for key, value in filled.items() if getattr(shape, key) is None})
