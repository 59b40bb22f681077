"""Implementations of `core/interfaces.py`: audit file, JWKS cache, Redis, deny list, webhook client."""
