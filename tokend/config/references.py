"""References to secrets, certificates and signing keys in the environment, files or credentials, and the App ID."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from tokend.config.values import Credential, File, Variable
from tokend.core.secrets import FORMS, NO_REFERENCE
from tokend.core.validation import StrictModel, invalid, redact_secrets


class Reference(StrictModel):
    """The source of a secret, by one of `FORMS`. Credentials are those of systemd."""

    env: Variable | None = Field(
        default=None,
        description="environment variable that holds the secret. Default: none",
        examples=["APP_CERTIFICATE"],
    )
    file: File | None = Field(
        default=None,
        description=(
            "path of the file that holds the secret; a relative path starts at the directory of the "
            "configuration. Default: none"
        ),
        examples=["/run/secrets/certificate"],
    )
    credential: Credential | None = Field(
        default=None,
        description="name of the systemd credential that holds the secret. Default: none",
        examples=["certificate"],
    )

    @property
    def source(self) -> str:
        """The source in words, such as `file run/demo`."""
        if self.env is not None:
            return f"environment variable {redact_secrets(self.env)}"
        if self.file is not None:
            return f"file {redact_secrets(self.file)}"
        return f"credential {redact_secrets(self.credential or '')}"


class SecretRef(Reference):
    """One secret: `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [form]} for form in FORMS]})

    @model_validator(mode="before")
    @classmethod
    def _check_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(NO_REFERENCE)
        if len(value.keys() & FORMS.keys()) != 1 or None in value.values():
            raise invalid("must be one of {env: NAME}, {file: PATH} and {credential: NAME}")
        return value


_SHORT: Final[list[JsonDict]] = [{"required": [form], "maxProperties": 1} for form in FORMS]


class Certificate(Reference):
    """One secret, which is the primary; or primary and secondary, and which of the two signs."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                *_SHORT,
                {"required": ["primary"], "not": {"anyOf": [{"required": [form]} for form in FORMS]}},
            ]
        },
    )

    primary: SecretRef | None = Field(
        default=None,
        description="the primary secret. Default: the one secret that is written without primary",
        examples=[{"env": "PRIMARY_CERTIFICATE"}],
    )
    secondary: SecretRef | None = Field(
        default=None,
        description="the second secret, for rotation: tokens signed with either are accepted. Default: none",
        examples=[{"env": "SECONDARY_CERTIFICATE"}],
    )
    sign_with: Literal["primary", "secondary"] | None = Field(
        default=None, description="which of the two signs. Default: primary", examples=["secondary"]
    )

    @model_validator(mode="before")
    @classmethod
    def _check_single_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise invalid(NO_REFERENCE)
        short = value.keys() & FORMS.keys()
        is_sound = len(value) == 1 if short else "primary" in value
        if not is_sound or None in value.values():
            raise invalid(
                "must be {env: NAME}, {file: PATH}, {credential: NAME}, or {primary: …, secondary: …, sign_with: …}"
            )
        if value.get("sign_with") == "secondary" and "secondary" not in value:
            raise invalid("says sign_with: secondary, but has no secondary")
        return value

    def refs(self) -> dict[str, tuple[tuple[str, ...], "SecretRef | Certificate"]]:
        """Each secret by its name: the keys that lead to it from here, and its source."""
        if self.primary is None:
            return {"primary": ((), self)}
        written = {"primary": self.primary, "secondary": self.secondary}
        return {name: ((name,), ref) for name, ref in written.items() if ref is not None}


class Env(StrictModel):
    """A text from the environment that is not a secret."""

    env: Variable = Field(description="environment variable that holds the text", examples=["APP_ID"])


class AppId(StrictModel):
    """The App ID as text, or the environment variable that holds it."""

    text: str | None = Field(default=None, description="the App ID itself")
    env: Variable | None = Field(default=None, description="environment variable that holds it")


def _app_id(value: object) -> object:
    if isinstance(value, dict) and value.keys() == {"env"} and isinstance(value["env"], str):
        return value
    if not isinstance(value, str):
        raise invalid("must be the App ID in quotes, or {env: NAME}")
    return {"text": value}


AppIdOrVariable = Annotated[AppId, BeforeValidator(_app_id, json_schema_input_type=str | Env)]
