"""Every key of the configuration as Markdown, from its JSON Schema: one heading for each, which links can name."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

from tokend.config.entry_points import AUTH_SCHEMES, installed
from tokend.config.schema import json_schema

Node = Mapping[str, Any]

APP: Final = "apps.NAME"
_BACKENDS: Final = f"{APP}.backends"
_KIND: Final = f"{_BACKENDS}.KIND"
_DIALECT: Final = f"{APP}.routes[].dialect"
_EXAMPLES: Final[Mapping[str, Any]] = {
    f"{_KIND}.backend": "rtm",  # the schema's depend on the packages that are installed
    f"{_BACKENDS}.jaas.app_id": "vpaas-magic-cookie-0123456789abcdef0123456789abcdef",
    f"{_BACKENDS}.jitsi.domain": "meet.example.com",
}
"""Examples in place of the schema's."""
_LINKS: Final[Mapping[str, str]] = {
    _BACKENDS: "[Vendors](../vendors/README.md) has a page for each kind. Further keys depend on the kind.",
    _DIALECT: "[Dialects](../dialects.md) describes them. A mapping gives one its options.",
}
_ELSEWHERE: Final = frozenset({"SecretRef", "Env"})
"""Models that are forms of a value, not mappings with keys of their own."""
_MEANING: Final = re.compile(r".+\.backends\.jwt\.(always|fields\.NAME\.(gives|values))")
"""What a privilege gives: one value, which may have the form of a mapping."""
_SCHEME: Final = re.compile(rf"{re.escape(APP)}\.callers\.NAME\.(?!rules)\w+")
_HEX: Final = re.compile(r"(sha256:)?[0-9A-Fa-f]{12,}")
"""App IDs and digests, some of which are numbers in YAML."""
_YAML_1_1: Final = ("on", "off", "yes", "no")
"""Booleans of YAML 1.1, which tokend reads as text."""
_PATTERNS: Final[Mapping[str, str]] = {
    "^[0-9]{1,9}[smhd]$": "duration such as `90s`",
    "^([1-9][0-9]{0,5})/([smh])(?: burst ([1-9][0-9]{0,5}))?$": "rate such as `20/s burst 40`",
    "^sha256:[0-9a-f]{64}$": "hash `sha256:…`",
}
_PLURALS: Final[Mapping[str, str]] = {"mapping": "mappings", "text": "texts"}
_SIMPLE: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "boolean": "`true` or `false`",
    "object": "mapping",
    "array": "list",
}


class Key(NamedTuple):
    """A key of the file. `path` has NAME for any name, and `[]` for an item of a list; `node` is its JSON Schema."""

    path: str
    node: Node
    is_required: bool
    inside: tuple[str, ...] = ()
    home: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def description(self) -> str:
        """What it means, without its default."""
        return str(self.node.get("description", "")).partition(" Default: ")[0].rstrip(".")

    @property
    def default(self) -> str | None:
        """Its default as Markdown; None if the schema says nothing of one."""
        described = str(self.node.get("description", "")).partition(" Default: ")[2].rstrip(".")
        if described:
            return escaped(described)
        if "default" in self.node:
            return f"`{_yaml(self.node['default'])}`"
        if _SCHEME.fullmatch(self.path):
            return "none; a caller has exactly one auth scheme"
        if self.is_required or not (self.inside or self.home):
            return None
        return "none" if self.node.get("required") else "those of its keys"

    @property
    def example(self) -> str | None:
        """The key with a value, as YAML; None if it has keys of its own."""
        values = self.node.get("examples") or _other_values(self.node)
        if self.path in _EXAMPLES:
            values = [_EXAMPLES[self.path]]
        kind = self.path.removeprefix(f"{_BACKENDS}.").partition(".")[0]
        if self.path.startswith(f"{_BACKENDS}.") and kind != "KIND" and _is_secret(_first_form(self.node)):
            values = [{"env": f"{kind}_{self.name}".upper()}]
        return f"{self.name}: {_yaml(values[0])}" if values else None


class Schema:
    """The JSON Schema of the file, and its keys in order. Auth schemes of other packages are left out."""

    def __init__(self) -> None:
        self.root = json_schema()
        self.models: dict[str, dict[str, Any]] = self.root["$defs"]
        for name, entries in installed(AUTH_SCHEMES.name).items():
            if entries[0].dist is None or entries[0].dist.name != "tokend":
                self.models["CallerShape"]["properties"].pop(name, None)
        self._homes = {"AppShape": APP}
        self.keys = list(self._keys("", self.root))

    def resolved(self, node: Node) -> Node:
        """The node with what its reference names; its own description counts."""
        name = str(node.get("$ref", "")).rpartition("/")[2]
        return {**self.models[name], **node} if name else node

    def _keys(self, prefix: str, model: Node) -> Iterator[Key]:
        for name, node in model.get("properties", {}).items():
            path = f"{prefix}{name}"
            key = Key(path, self.resolved(node), name in model.get("required", ()))
            if path == _DIALECT:
                yield key
                yield from self._options("dialect", path, _mapped(node), {"properties": {}})
                continue
            below = self._model_of(path, node)
            if below is None:
                yield key
                continue
            place, found, model_name = below
            home = self._homes.setdefault(model_name, place)
            if home != place:
                yield key._replace(home=home)
                continue
            inside = tuple(f"{place}.{name}" for name in found["properties"])
            yield key._replace(inside=inside)
            yield from self._keys(f"{place}.", found)
            if path == _BACKENDS:
                models = {kind: node["else"] for kind, node in _mapped(key.node).items()}
                yield from self._options("kind", path, models, found)

    def _options(self, word: str, path: str, models: Mapping[str, Node], shared: Node) -> Iterator[Key]:
        """Headings for the names of `models` and for their keys, without those of `shared`."""
        homes: dict[str, str] = {}
        for name, model in models.items():
            own = {key: node for key, node in model["properties"].items() if key not in shared["properties"]}
            if not own:
                continue
            node = {**model, "type": "object", "properties": own, "description": f"options of the {word} `{name}`"}
            home = homes.setdefault(json.dumps(own), f"{path}.{name}")
            if home == f"{path}.{name}":
                yield from self._keys(f"{path}.", {"properties": {name: node}})
            else:
                yield Key(f"{path}.{name}", node, is_required=False, home=home)

    def _model_of(self, path: str, node: Node) -> tuple[str, Node, str] | None:
        """The mapping with keys that stands at a key: its path, its schema, and a name for it."""
        name = str(node.get("$ref", "")).rpartition("/")[2]
        found = self.resolved(node)
        if path == _BACKENDS:
            return _KIND, found["anyOf"][1]["properties"]["rtc"]["else"], _KIND
        if name in _ELSEWHERE or _is_secret(found) or _MEANING.fullmatch(path):
            return None
        if "properties" in found:
            return path, found, name or path
        if isinstance(found.get("additionalProperties"), dict):
            return self._model_of(f"{path}.NAME", found["additionalProperties"])
        if found.get("type") == "array":
            return self._model_of(f"{path}[]", found["items"])
        forms = (self._model_of(path, form) for form in found.get("anyOf", ()) if form.get("type") != "array")
        return next(filter(None, forms), None)

    def type_of(self, node: Node) -> str:
        """The type of a key's value in words, as Markdown."""
        found = self.resolved(node)
        if str(node.get("$ref", "")).endswith("/Env"):
            return "`{env: NAME}`"
        if _is_secret(found):
            return "[secret](../configuration.md#secrets-and-certificates)"
        if "const" in found:
            return f"`{_yaml(found['const'])}`"
        if "enum" in found:
            return _either([f"`{_yaml(value)}`" for value in found["enum"]])
        if "anyOf" in found:
            types = dict.fromkeys(map(self.type_of, found["anyOf"]))
            singles = [text for text in types if not text.startswith("list of ")]
            lists = [text for text in types if text.startswith("list of ")]
            if not lists or not singles:
                return _either([*types])
            single = _either(singles)
            of_these = lists == [f"list of {_PLURALS.get(single, single)}"]
            return f"{single}, or a {'list of these' if of_these else _either(lists)}"
        if found.get("pattern") in _PATTERNS:
            return _PATTERNS[found["pattern"]]
        if found.get("type") == "array" and "items" in found:
            item = self.type_of(found["items"])
            return f"list of {_PLURALS.get(item, item)}"
        return _SIMPLE.get(str(found.get("type")), "text or mapping")


def _mapped(node: Node) -> Mapping[str, Node]:
    """The names that a value may have as a mapping, such as kinds and dialects, each with its schema."""
    names: Mapping[str, Node] = next(form["properties"] for form in node["anyOf"] if "properties" in form)
    return names


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _first_form(node: Node) -> Node:
    form: Node = node.get("anyOf", [node])[0]
    return form


def _is_secret(node: Node) -> bool:
    forms = node.get("oneOf", ())
    return bool(forms) and all(form.get("required", [""])[0] in ("env", "file", "credential") for form in forms)


def _other_values(node: Node) -> list[Any]:
    """A value that is not the default, where a key has few values."""
    values = [True, False] if node.get("type") == "boolean" else node.get("enum", ())
    values = [node["const"]] if "const" in node else values
    return [value for value in values if value != node.get("default")]


def _yaml(value: Any) -> str:
    """A value as YAML in one line, with double quotes around what could be taken for something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = yaml.safe_dump([value], default_flow_style=True, width=1000) == f"[{value}]\n"
    return value if (plain and _HEX.fullmatch(value) is None) or value in _YAML_1_1 else json.dumps(value)


def escaped(text: str) -> str:
    """Plain text as Markdown. Words in backticks stay code."""
    parts = text.split("`")
    return "`".join(
        re.sub(r"([*_\[\]<>])", r"\\\1", part) if index % 2 == 0 else part for index, part in enumerate(parts)
    )


def link(path: str, text: str) -> str:
    """A link to a key on the page."""
    return f"[`{text}`](#{re.sub('[^a-z0-9_-]', '', path.lower())})"


def markdown() -> str:
    """The page's part with every key."""
    schema = Schema()
    return "\n".join(line for key in schema.keys for line in _section(key, schema))


def _section(key: Key, schema: Schema) -> Iterator[str]:
    yield f"{'##' if '.' not in key.path else '###'} `{key.path}`\n"
    sentence = escaped(key.description)
    yield f"{sentence[:1].upper()}{sentence[1:]}. {_LINKS.get(key.path, '')}".rstrip() + "\n"
    yield f"- **Type:** {schema.type_of(key.node)}"
    yield f"- **{'Required' if key.is_required else 'Optional'}**" + (
        f", default: {key.default}" if key.default else ""
    )
    if key.example is not None:
        yield f"- **Example:** `` {key.example} ``" if "`" in key.example else f"- **Example:** `{key.example}`"
    if key.inside:
        yield f"- **Keys:** {', '.join(link(path, path.rpartition('.')[2]) for path in key.inside)}"
    if key.home is not None:
        yield f"- **Keys:** those of {link(key.home, key.home)}"
    yield ""
