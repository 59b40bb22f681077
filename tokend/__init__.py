"""tokend: issues short-lived tokens for real-time services, only to callers that it has reason to trust."""

__version__ = "0.1.0"
