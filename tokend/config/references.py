"""Values that lie elsewhere: secrets, certificates and signing keys in the environment or in files, and the App ID."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, model_validator

from tokend.config.values import File, Variable
from tokend.validation import Strict, invalid

_SECRET: Final = "is a secret: write {env: NAME} or {file: PATH}, never the text itself"


class SecretRef(Strict):
    """Where a secret comes from: `{env: NAME}` or `{file: PATH}`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]})

    env: Variable | None = None
    file: File | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_of_both(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(_SECRET)
        if len(value.keys() & {"env", "file"}) != 1 or None in value.values():
            raise invalid("must be one of {env: NAME} and {file: PATH}")
        return value


class Certificate(Strict):
    """One secret, which is the primary; or primary and secondary, and which of them signs."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["env"], "maxProperties": 1},
                {"required": ["file"], "maxProperties": 1},
                {"required": ["primary"], "not": {"anyOf": [{"required": ["env"]}, {"required": ["file"]}]}},
            ]
        },
    )

    env: Variable | None = None
    file: File | None = None
    primary: SecretRef | None = None
    secondary: SecretRef | None = None
    sign_with: Literal["primary", "secondary"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(_SECRET)
        short = value.keys() & {"env", "file"}
        one_form = len(value) == 1 if short else "primary" in value
        if not one_form or None in value.values():
            raise invalid("must be {env: NAME}, {file: PATH}, or {primary: …, secondary: …, sign_with: …}")
        if value.get("sign_with") == "secondary" and "secondary" not in value:
            raise invalid("says sign_with: secondary, but has no secondary")
        return value

    def refs(self) -> dict[str, tuple[tuple[str, ...], "SecretRef | Certificate"]]:
        """Each secret by its name: the steps to it from here, and where it comes from."""
        if self.primary is None:
            return {"primary": ((), self)}
        written = {"primary": self.primary, "secondary": self.secondary}
        return {name: ((name,), ref) for name, ref in written.items() if ref is not None}


class Env(Strict):
    """A text that is no secret, from the environment."""

    env: Variable


class AppId(Strict):
    """The App ID as text, or the variable that holds it."""

    text: str | None = None
    env: Variable | None = None


def _app_id(value: object) -> object:
    if isinstance(value, dict) and value.keys() == {"env"} and isinstance(value["env"], str):
        return value
    if not isinstance(value, str):
        raise invalid("must be the App ID in quotes, or {env: NAME}")
    return {"text": value}


AppIdOrVariable = Annotated[AppId, BeforeValidator(_app_id, json_schema_input_type=str | Env)]
