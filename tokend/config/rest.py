"""An app's access to the vendor's REST API, which `tokend kick` calls. No token needs it."""

import re
from typing import Final
from urllib.parse import urlsplit

from tokend.auth.jwt_options import is_secure_url
from tokend.config.problems import KeyPath, Report
from tokend.config.secrets import Secrets
from tokend.config.shape import AppShape
from tokend.issuing.configuration import RestApi

_URL: Final = "https://api.agora.io"
_ID: Final = re.compile(r"[!-9;-~]+")
"""Visible ASCII without a colon, which is where HTTP Basic ends the name."""


def build_rest(shape: AppShape, path: KeyPath, report: Report, secrets: Secrets) -> RestApi | None:
    """None where the app has none, or a problem keeps it from being known."""
    if shape.rest is None:
        return None
    at = (*path, "rest")
    url = (shape.rest.url or _URL).rstrip("/")
    if not is_secure_url(url) or urlsplit(url)[3:] != ("", "") or "@" in url:
        report.add_after((*at, "url"), "must be an https URL without user, query and fragment")
    if _ID.fullmatch(shape.rest.customer_id or "") is None:
        report.add_after(
            (*at, "customer_id"), "must be the customer ID of the REST API, as the vendor's console shows it"
        )
    if shape.app_id is None:
        report.add_after((*path, "app_id"), "is missing: rest needs the project's App ID")
    what = "the customer secret that goes with the customer ID"
    secret = secrets.read_or_report(shape.rest.customer_secret, (*at, "customer_secret"), report, what)
    return None if secret is None else RestApi(url, shape.rest.customer_id or "", secret)
