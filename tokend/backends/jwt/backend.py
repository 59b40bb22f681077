"""The kind `jwt`: JSON Web Tokens (RFC 7519) from a template, for vendors without a backend of their own."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

import msgspec.json
from pydantic import ValidationError

from tokend.backends.contract import Backend, Minted, Reading, Unreadable
from tokend.backends.json_web_tokens import LATEST, JwtKeys
from tokend.backends.jwt.fields import fields_model, privilege_of, value_of
from tokend.backends.jwt.options import ALWAYS, JwtOptions, template_of
from tokend.backends.jwt.template import EXPIRES_AT, ISSUED_AT, NONCE, same
from tokend.core import strict_json
from tokend.core.declarations import FREE, NEVER, OPTIONAL, REQUIRED, Capability, Declarations, Presence, ServiceShape
from tokend.core.errors import ApiError, Code
from tokend.core.model import ANY, NOT_APPLICABLE, AppCredentials, Extent, Grant, Issuance, Service
from tokend.core.validation import StrictModel, first_field_error

SERVICE: Final = "jwt"
MAX_CLAIMS: Final = 8192
"""The longest claims as JSON, in bytes: with header and signature the token stays below what is read."""
_UNREADABLE: Final = (
    "cannot stand in its claim: it is empty, holds what separates it from another field, or that field is missing"
)
_EXAMPLE_TIMES: Final = {ISSUED_AT: 1_700_000_000, EXPIRES_AT: 1_700_003_600, NONCE: "0" * 32}


class NoFields(StrictModel):
    """The fields of the class. Those of an instance come from its options."""


class JwtTemplate(Backend):
    """Tokens of one template. Its options declare the fields of requests, and what each gives."""

    Options: ClassVar[type[StrictModel]] = JwtOptions
    Fields: ClassVar[type[StrictModel]] = NoFields
    services: ClassVar = {SERVICE: ServiceShape()}

    options: JwtOptions

    def __init__(self, options: JwtOptions, app_credentials: AppCredentials) -> None:
        super().__init__(options, app_credentials)
        # attributes of the instance, in place of those of the class: the options declare them
        self.Fields = fields_model(options.fields)  # type: ignore[misc]
        self.max_ttl = options.max_ttl  # type: ignore[misc]
        self._template = template_of(options.claims, options.fields)
        self._names: dict[str, str] = {field.means: name for name, field in options.fields.items() if field.is_id}

    @cached_property
    def _keys(self) -> JwtKeys:
        return JwtKeys(self.options.algorithm, self.options.secret)

    @cached_property
    def declarations(self) -> Declarations:
        """Made from the options."""
        fields = self.options.fields
        privileges = {ALWAYS: self.options.always}
        for name, field in fields.items():
            if field.values is not None:
                privileges |= {privilege_of(name, value): gives for value, gives in field.values.items()}
            elif field.gives is not None:
                privileges[name] = field.gives
        details = {
            name: FREE if field.capability is None else Capability(field.capability)
            for name, field in fields.items()
            if field.means == "detail"
        }
        shape = ServiceShape(self._presence("user"), self._presence("channel"))
        return Declarations({SERVICE: shape}, privileges, details)

    def _presence(self, meaning: str) -> Presence:
        name = self._names.get(meaning)
        if name is None:
            return NEVER
        return REQUIRED if self.options.fields[name].if_missing == "error" else OPTIONAL

    def names_user(self, fields: Any) -> bool:
        name = self._names.get("user")
        return name is None or getattr(fields, name) is not None

    def filled(self, user: str) -> Mapping[str, object]:
        name = self._names["user"]
        return {name: value_of(self.options.fields[name], user)}

    def grant(self, fields: Any, ttl: int, user: str | None = None) -> Grant:
        values = {name: value for name, value in fields if value is not None}
        name = self._names.get("user")
        if name is not None and name not in values and user is not None:
            values[name] = self._checked_user(values, name, user)
        for missing, field in self.options.fields.items():
            if field.if_missing == "error" and missing not in values:
                raise ApiError(Code.INVALID_FIELD, "is missing", missing)
        self._check_way_back(values)
        return self._granted(values, ttl)

    def _checked_user(self, values: Mapping[str, object], name: str, user: str) -> object:
        """The value of a user that comes from a rule, which the model of the fields has not seen."""
        value = value_of(self.options.fields[name], user)
        try:
            self.Fields.model_validate({**values, name: value})
            return value
        except ValidationError as error:
            raise ApiError(Code.INVALID_FIELD, first_field_error(error, self.Fields).sentence, name) from error

    def _check_way_back(self, values: Mapping[str, object]) -> None:
        """Raise `ApiError` (400) for values of which no token could be made that says the same to a reader."""
        written = self._template.write({**values, **_EXAMPLE_TIMES})
        try:
            text = msgspec.json.encode(written)
            claims = strict_json.loads(text)
        except (ValueError, TypeError, OverflowError, RecursionError):
            claims = None
        if claims != written:
            raise ApiError(Code.INVALID_FIELD, "a field holds a number or a nesting that JSON cannot express")
        if len(text) > MAX_CLAIMS:
            raise ApiError(
                Code.INVALID_FIELD, f"the claims would be longer than {MAX_CLAIMS} bytes: shorten the fields"
            )
        read = self._template.read(claims)
        for name, value in values.items():
            if name not in read or not same(read[name], value):
                raise ApiError(Code.INVALID_FIELD, _UNREADABLE, name)

    def _granted(self, values: Mapping[str, Any], ttl: int) -> Grant:
        """What a token with these values gives."""
        privileges, detail = {ALWAYS: ttl}, {}
        for name, field in self.options.fields.items():
            if name not in values:
                continue
            if field.means == "detail":
                detail[name] = values[name]
            elif field.values is not None:
                privileges[privilege_of(name, values[name])] = ttl
            elif field.means == "privilege" and values[name]:
                privileges[name] = ttl
        channels = values.get(self._names.get("channel", ""), ())
        # rules see a number in digits
        ids = tuple(map(str, channels if isinstance(channels, list) else [channels])) if channels != () else ()
        user = values.get(self._names.get("user", ""))
        service = Service(
            SERVICE,
            self._absent("user") if user is None else str(user),
            ids[0] if ids else self._absent("channel"),
            privileges,
            more_channels=ids[1:],
            detail=detail,
        )
        return Grant(None, self.options.algorithm, ttl, (service,))

    def _absent(self, meaning: str) -> Extent:
        name = self._names.get(meaning)
        return ANY if name is not None and self.options.fields[name].if_missing == "any" else NOT_APPLICABLE

    def mint(self, grant: Grant, issuance: Issuance) -> Minted:
        times = {ISSUED_AT: issuance.issued_at, EXPIRES_AT: issuance.issued_at + grant.ttl}
        values = {**self._values(grant.services[0]), **times, NONCE: f"{issuance.nonce:032x}"}
        return Minted(self._keys.sign(self._template.write(values), self.options.header), grant.ttl // 2)

    def _values(self, service: Service) -> Mapping[str, object]:
        """The values of a service's claims by the name of the field. It is the reverse of `_granted`."""
        values = dict(service.detail)
        for name, field in self.options.fields.items():
            if field.values is not None:
                granted = [value for value in field.values if privilege_of(name, value) in service.privileges]
                if granted:
                    values[name] = value_of(field, granted[0])
            elif field.means == "privilege":
                values[name] = name in service.privileges
            elif field.is_id:
                own = service.user if field.means == "user" else service.channel
                if isinstance(own, str):
                    listed = field.kind_of_value == "list"
                    values[name] = [own, *service.more_channels] if listed else value_of(field, own)
        return values

    def read(self, token: str) -> Reading:
        content = self._keys.read(token)
        if not same(content.header, {"alg": self.options.algorithm, "typ": "JWT", **self.options.header}):
            raise Unreadable("its header is not that of the template")
        values = self._template.read(content.claims)
        if not same(self._template.write(values), content.claims):
            raise Unreadable("its claims are not those of the template")
        issued_at, expires_at, nonce = (values.pop(name, None) for name in (ISSUED_AT, EXPIRES_AT, NONCE))
        if type(expires_at) is not int or not 0 <= expires_at < LATEST:
            raise Unreadable("it does not say when it expires")
        if nonce is not None and not (isinstance(nonce, str) and re.fullmatch("[0-9a-f]{32}", nonce)):
            raise Unreadable("its nonce is not one of the template")
        try:
            fields = self.Fields.model_validate(values)
        except ValidationError as error:
            raise Unreadable("a field is not one of the template") from error
        said = {name: value for name, value in fields if value is not None}
        if not same(said, values):
            raise Unreadable("its claims are not those of the template")
        signer = content.signed_by
        if ISSUED_AT not in self._template.names:
            return Reading(self._granted(said, 0), signer, None, expires_at, hidden=frozenset((ISSUED_AT, "ttl")))
        if type(issued_at) is not int or not 0 <= issued_at < expires_at:
            raise Unreadable("it ends before it begins")
        return Reading(self._granted(said, expires_at - issued_at), signer, issued_at, expires_at)
