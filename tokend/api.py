"""All that an author of backends imports: the contract, the nouns it speaks of, and the strict base of its shapes."""

from tokend.backends.contract import Backend, Minted, Mismatch, NoOptions, Reading, Unreadable
from tokend.model import Code, Credentials, Grant, Refusal, Secret, Service, Stamp
from tokend.validation import Strict

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
