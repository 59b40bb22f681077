"""Origins with any port: for pages under development, on this machine alone."""

import pytest

from tokend.issuing.origins import Origins, check_origin


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_any_port_of_this_machine(host: str) -> None:
    written = f"http://{host}:*"
    assert check_origin(written) is None
    origins = Origins(("https://app.example.com", written))
    for allowed in (f"http://{host}", f"http://{host}:5173", f"http://{host}:65535", "https://app.example.com"):
        assert origins.allow(allowed), allowed


@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:5173",
        "http://127.0.0.1:5173",
        "http://localhost.example.com:5173",
        "http://localhost.example.com",
        "http://app.localhost:5173",
        "http://localhost:",
        "http://localhost:*",
        "http://localhost:123456",
        "http://localhost:80a",
        "http://localhost:5173/",
        "http://localhost@example.com",
        "http://localhost:80@example.com",
        "http://localhost:5173.example.com",
        "http://LOCALHOST:5173",
    ],
)
def test_nothing_else(origin: str) -> None:
    assert not Origins(("http://localhost:*",)).allow(origin)


def test_a_dot_of_an_address_is_a_dot() -> None:
    assert not Origins(("http://127.0.0.1:*",)).allow("http://127x0.0.1:80")


@pytest.mark.parametrize("written", ["https://localhost:*", "http://app.example.com:*", "http://*.example.com:*"])
def test_any_port_elsewhere_is_an_error_that_says_what_to_write(written: str) -> None:
    error = check_origin(written)
    assert error is not None
    assert "http://localhost:*" in error


@pytest.mark.parametrize("port", ["0", "0443", "065535", "65536", "99999", "123456", ""])
def test_a_port_that_no_browser_sends_is_an_error(port: str) -> None:
    """An origin with such a port would never match."""
    for host in ("app.example.com", "*.example.com", "[::1]"):
        assert check_origin(f"https://{host}:{port}") is not None
    assert check_origin("https://app.example.com:65535") is None


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("https://*.example.com:443", "https://*.example.com"),
    ],
)
def test_a_default_port_is_an_error_that_says_what_to_write(written: str, instead: str) -> None:
    assert check_origin(written) == f"names the default port, which browsers leave out: write {instead}"
    for other in ("https://app.example.com:80", "http://app.example.com:443"):
        assert check_origin(other) is None


@pytest.mark.parametrize("written", ["*:*", "http://localhost:5*", "http://*:80", "localhost:*"])
def test_other_stars_are_errors(written: str) -> None:
    assert check_origin(written) is not None
