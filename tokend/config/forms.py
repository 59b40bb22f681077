"""Says what a value of the configuration looks like, for errors: from the examples of the models' fields."""

from typing import Any, Final, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tokend.config.problems import KeyPath
from tokend.core.validation import bare_annotation, field_at

APP: Final = '{app_id: "…", certificate: {env: NAME}, callers: {…}}'
CALLER: Final = '{api_key: "sha256:…", rules: [{kinds: rtc, channel: "demo-*"}]}'
ROUTE: Final = "{path: /demo, dialect: native}"
_WHOLE: Final = {
    "apps": f"{{demo: {APP}}}",
    "callers": f"{{studio: {CALLER}}}",
    "routes": f"[{ROUTE}]",
    "jwt": '{issuer: "https://id.example.com", audience: tokend}',
    "rules": '{kinds: rtc, channel: "demo-*", user: "*"}',
    "defaults": "{ttl: {max: 1h}}",
}
"""Of keys, and of the items of `rules`, whose models have too many keys, or none, for a useful example."""


def form_at(key: str, model: type[BaseModel], path: KeyPath) -> str | None:
    """What the value at a path in a model may look like, as YAML on one line. `key`: the key that it stands at."""
    if key in _WHOLE:
        return _WHOLE[key]
    if not path:
        return _form_of(model)
    field = field_at(model, path)
    return None if field is None else _form(field)


def _form(field: FieldInfo) -> str | None:
    if field.examples:
        text = yaml.safe_dump(
            field.examples[0], default_flow_style=True, width=1000, sort_keys=False, allow_unicode=True
        )
        return text.removesuffix("\n").removesuffix("\n...")
    return str(not field.default).lower() if field.annotation is bool else _form_of(field.annotation)


def _form_of(annotation: Any) -> str | None:
    bare = bare_annotation(annotation)
    if get_origin(bare) in (list, dict):
        item = _form_of(get_args(bare)[-1]) or '"…"'
        return f"[{item}]" if get_origin(bare) is list else f"{{NAME: {item}}}"
    if not isinstance(bare, type) or not issubclass(bare, BaseModel):
        return None
    forms = {field.alias or name: (field.is_required(), _form(field)) for name, field in bare.model_fields.items()}
    shown = [f"{name}: {form or '…'}" for name, (required, form) in forms.items() if required]
    shown = shown or [f"{name}: {form}" for name, (_, form) in forms.items() if form][:1]
    return f"{{{', '.join(shown)}}}" if shown else None
