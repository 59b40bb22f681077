"""All that an author of backends imports: the contract, the nouns it speaks of, and the strict base of its shapes."""

from tokend.backends.contract import Backend, Diagnosis, Join, Minted, Mismatch, NoOptions, Reading, Unreadable
from tokend.core.errors import ApiError, Code
from tokend.core.model import AppCredentials, Grant, Issuance, Service
from tokend.core.secrets import Secret
from tokend.core.validation import StrictModel

__all__ = [
    "ApiError",
    "AppCredentials",
    "Backend",
    "Code",
    "Diagnosis",
    "Grant",
    "Issuance",
    "Join",
    "Minted",
    "Mismatch",
    "NoOptions",
    "Reading",
    "Secret",
    "Service",
    "StrictModel",
    "Unreadable",
]
