"""Agora's credentials: App ID and certificates of a project, and the customer's access to the REST API."""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret
from tokend.core.urls import is_plain_url
from tokend.core.validation import StrictModel, invalid, matching

_HEX_32: Final = re.compile(r"[0-9a-fA-F]{32}")


def problems(app_credentials: AppCredentials) -> Iterator[tuple[str, str]]:
    """What is wrong: `app_id` or the name of a certificate, and a sentence that follows it."""
    if app_credentials.app_id is not None and (wrong := not_hex_32(app_credentials.app_id)):
        yield "app_id", f"must be {wrong}"
    for name, certificate in app_credentials.certificates.items():
        if wrong := not_hex_32(certificate.reveal()):
            yield name, f"must hold {wrong}"


def signer(app_credentials: AppCredentials, verifies: Callable[[str], bool]) -> str | None:
    """The name of the first certificate that verifies a token; None if none does."""
    certificates = app_credentials.certificates.items()
    return next((name for name, certificate in certificates if verifies(certificate.reveal())), None)


def not_hex_32(text: str) -> str | None:
    """Why a text is no App ID or certificate, as the console shows them; None if it is one."""
    if _HEX_32.fullmatch(text):
        return None
    many = f"it has {len(text)} characters" if len(text) != 32 else "some of its 32 characters are not"
    return f"exactly 32 hexadecimal digits (0-9 a-f): {many}"


def _rest_url(url: str) -> str:
    url = url.rstrip("/")
    if not is_plain_url(url) or urlsplit(url).query:
        raise invalid("must be an https URL without user, query and fragment")
    return url


# visible ASCII without a colon, which ends the name in HTTP Basic (RFC 7617)
_customer_id = matching(r"[!-9;-~]+", "must be the customer ID of the REST API, as the vendor's console shows it")


class RestApi(StrictModel):
    """Access to Agora's REST API, which `tokend kick` calls. No token needs it."""

    customer_id: Annotated[str, AfterValidator(_customer_id)] = Field(
        description="the customer ID, shown in the Agora console under RESTful API", examples=["0f1e2d3c4b5a"]
    )
    customer_secret: Secret = Field(
        description="the customer secret that belongs to the customer ID", examples=[{"env": "CUSTOMER_SECRET"}]
    )
    url: Annotated[str, AfterValidator(_rest_url)] = Field(
        default="https://api.agora.io",
        description="base URL of the API, for another region: https, or http on this machine",
        examples=["https://api.sd-rtn.com"],
    )


class AgoraOptions(StrictModel):
    """The options of each of Agora's kinds."""

    rest: RestApi | None = Field(
        default=None, description="access to Agora's REST API, which only `tokend kick` uses. Default: none"
    )
