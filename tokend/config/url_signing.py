"""An app's keys for signed URLs: random, long enough, and not used to sign anything else."""

from tokend.auth.contract import SigningKeys
from tokend.auth.jws import is_public_key
from tokend.auth.signed_url import MIN_SECRET, signing_keys
from tokend.config.backends import BuildContext
from tokend.config.problems import KeyPath
from tokend.config.shape import AppShape
from tokend.core.model import AppCredentials
from tokend.core.secrets import Secret


def build_url_signing(
    shape: AppShape, path: KeyPath, app_credentials: AppCredentials, tools: BuildContext
) -> SigningKeys | None:
    """The keys for signed URLs. None if the app has none; an empty set if they cannot be read."""
    written, report = shape.url_signing_key, tools.report
    if written is None:
        return SigningKeys({}, "primary") if report.touches((*path, "url_signing_key")) else None
    certificates = {certificate.reveal().lower() for certificate in app_credentials.certificates.values()}
    found: dict[str, Secret] = {}
    for name, (steps, ref) in written.refs().items():
        at = (*path, "url_signing_key", *steps)
        secret = tools.secrets.read_or_report(ref, at, report)
        if secret is None:
            continue
        text = secret.reveal()
        if len(text.encode()) < MIN_SECRET or is_public_key(text):
            report.add_after(
                at, f"must be a random text of at least {MIN_SECRET} bytes; `openssl rand -hex 32` makes one"
            )
        elif text.lower() in certificates:
            report.add_after(at, "is a certificate of the app too: each secret signs one thing")
        else:
            found[name] = secret
    signing = written.sign_with or "primary"
    return signing_keys(found, signing)
