"""All that an author of plug-ins imports: the three contracts, the nouns they speak of, and the strict base of models."""

from tokend.auth.contract import (
    BEARER,
    PATH_KEY,
    PROXY_HEADERS,
    AppContext,
    AuthScheme,
    Cookie,
    Credentials,
    Header,
    ProxyHeaders,
    not_known,
)
from tokend.auth.key_digests import Key
from tokend.backends.contract import Backend, Minted, Mismatch, NoOptions, Reading, Unreadable
from tokend.core.errors import ApiError, Code
from tokend.core.interfaces import Keys
from tokend.core.model import AppCredentials, Caller, Grant, Issuance, Issued, Service, TokenRequest
from tokend.core.plugin_api import API_VERSION
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel, invalid
from tokend.dialects.contract import (
    FORM,
    JSON,
    TEXT,
    Dialect,
    Endpoint,
    Explain,
    HttpRequest,
    HttpResponse,
    Inspect,
    Issue,
    Outcome,
    Page,
    Parsed,
    Settings,
)

__all__ = [
    "API_VERSION",
    "BEARER",
    "FORM",
    "JSON",
    "PATH_KEY",
    "PROXY_HEADERS",
    "TEXT",
    "ApiError",
    "AppContext",
    "AppCredentials",
    "AuthScheme",
    "Backend",
    "Caller",
    "Code",
    "Cookie",
    "Credentials",
    "Dialect",
    "Endpoint",
    "Explain",
    "Grant",
    "Header",
    "HttpRequest",
    "HttpResponse",
    "Inspect",
    "Issuance",
    "Issue",
    "Issued",
    "Key",
    "Keys",
    "Minted",
    "Mismatch",
    "NoOptions",
    "Outcome",
    "Page",
    "Parsed",
    "ProxyHeaders",
    "Reading",
    "Secret",
    "Service",
    "Settings",
    "StrictModel",
    "TokenRequest",
    "Unreadable",
    "invalid",
    "not_known",
]
