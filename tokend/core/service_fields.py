"""Services of a grant as plain data, for explain, inspect, the audit and the authorizer."""

import hashlib
from collections.abc import Mapping

from msgspec.structs import replace

from tokend.core.model import NOT_APPLICABLE, Extent, Service
from tokend.core.reach import text_of


def service_fields(service: Service) -> dict[str, object]:
    """Return a service as plain data. ANY is `*`; what the service does not have is left out."""
    fields: dict[str, object] = {"name": service.name}
    if service.user is not NOT_APPLICABLE:
        fields["user"] = text_of(service.user)
    if service.channel is not NOT_APPLICABLE:
        fields["channel"] = text_of(service.channel)
    fields["privileges"] = dict(service.privileges)
    if service.more_users:
        fields["more_users"] = service.more_users
    if service.more_channels:
        fields["more_channels"] = service.more_channels
    if service.derived_from is not None:
        fields["derived_from"] = service.derived_from
    if service.detail:
        fields["detail"] = dict(service.detail)
    return fields


def hashed_service_fields(service: Service) -> dict[str, object]:
    """Return a service as plain data, with every id and every text of its detail replaced by its SHA-256."""
    return service_fields(
        replace(
            service,
            user=_hashed_id(service.user),
            channel=_hashed_id(service.channel),
            more_users=tuple(map(hashed_text, service.more_users)),
            more_channels=tuple(map(hashed_text, service.more_channels)),
            derived_from=None if service.derived_from is None else hashed_text(service.derived_from),
            detail={name: _hashed_values(value) for name, value in service.detail.items()},
        )
    )


def hashed_text(text: str) -> str:
    """Return the SHA-256 of a text, as the audit writes it."""
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _hashed_id(name: str | Extent) -> str | Extent:
    return hashed_text(name) if isinstance(name, str) else name


def _hashed_values(value: object) -> object:
    """Return plain data with its texts hashed. Numbers, and the keys of objects, stay."""
    if isinstance(value, str):
        return hashed_text(value)
    if isinstance(value, Mapping):
        return {key: _hashed_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hashed_values(item) for item in value]
    return value
