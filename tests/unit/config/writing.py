"""What the tests of the configuration write and load: files in a directory, with a fixed environment."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

from tokend.config.loading import load
from tokend.issuing.configuration import Configuration

APP_ID = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
OTHER = "0123456789abcdef0123456789abcdef"
DIGEST = "sha256:" + "0" * 64
NOTHING: Mapping[str, str] = {}
REDIS = "redis://:b5c1f0e2d3a4@127.0.0.1:6379/0"
ENVIRONMENT = {"CERTIFICATE": CERTIFICATE, "OTHER": OTHER, "APP": APP_ID, "REDIS": REDIS}

ONE_APP = f"""
apps:
  demo:
    app_id: "{APP_ID}"
    certificate: {{env: CERTIFICATE}}
    callers:
      studio: {{api_key: "{DIGEST}"}}
"""


def write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("APP_ID", APP_ID).replace("DIGEST", DIGEST))
        path.chmod(0o600)  # some are secrets


def loaded(
    directory: Path,
    text: str,
    more: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Configuration:
    """The Configuration of one `config.yaml`, where APP_ID and DIGEST stand for sound ones. `more`: other files."""
    write(directory, {"config.yaml": text, **more})
    return load(None, environment, directory)
