"""All that an author of backends imports: the contract, the nouns it speaks of, and the strict base of its shapes."""

from tokend.backends.contract import Backend, Minted, Mismatch, NoOptions, Reading, Unreadable
from tokend.core.errors import Code, Refusal
from tokend.core.model import Credentials, Grant, Service, Stamp
from tokend.core.secrets import Secret
from tokend.core.validation import Strict

__all__ = [
    "Backend",
    "Code",
    "Credentials",
    "Grant",
    "Minted",
    "Mismatch",
    "NoOptions",
    "Reading",
    "Refusal",
    "Secret",
    "Service",
    "Stamp",
    "Strict",
    "Unreadable",
]
