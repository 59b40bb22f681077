"""RSA keys for tests: a private one as an option takes it, and the public one with which a vendor's reader verifies."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


def new_rsa_key() -> str:
    """A new private key of 2,048 bits, in PEM. Make it once, for the whole test module: it takes long."""
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_rsa_key(pem: str) -> RSAPublicKey:
    """The public key of a private one in PEM. Raises `ValueError` if it is none of RSA."""
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("must be an RSA private key")
    return key.public_key()
