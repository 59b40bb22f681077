"""What the process looks at before it serves."""

import pytest
from aiohttp import __version__
from aiohttp.web_protocol import RequestHandler

from tokend.adapters.resources import CannotStart
from tokend.process.runtime import check_aiohttp


def test_a_version_of_aiohttp_with_other_private_names_is_not_served_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of slow clients would be without effect, and nothing would say so."""
    check_aiohttp()
    monkeypatch.setattr(RequestHandler, "__slots__", ("_current_request", "_messages"))
    with pytest.raises(CannotStart) as caught:
        check_aiohttp()
    says = f"aiohttp {__version__} is not supported: its RequestHandler has no _lingering_time"
    assert str(caught.value) == f"{says}; install the version that requirements.txt pins"
