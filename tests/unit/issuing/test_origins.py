"""Origins with any port: for pages under development, on this machine alone."""

import time

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


def _seconds(domains: int, origin: str) -> float:
    """The shortest of a few checks of an origin, where an app allows so many domains."""
    origins = Origins(tuple(f"https://*.a{number}.example.com" for number in range(domains)))
    found = []
    for _ in range(5):
        began = time.perf_counter()
        assert not origins.allow(origin)
        found.append(time.perf_counter() - began)
    return min(found)


@pytest.mark.parametrize("host", ["a." * 3500 + "example.com", "a-" * 3500 + ".example.com"])
def test_a_long_origin_costs_no_more_where_an_app_allows_many_domains(host: str) -> None:
    """It was compared with each of them: with 1,000 domains, a request of a stranger held up all others for a second."""
    assert _seconds(1000, f"https://{host}") < 20 * _seconds(10, f"https://{host}")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://x.example.com", True),
        ("https://x.y-1.example.com", True),
        ("https://x.a.example.com:8443", True),
        ("https://x.a.example.com", True),
        ("https://example.com", False),
        ("https://.example.com", False),
        ("https://x..example.com", False),
        ("https://-x.example.com", False),
        ("https://x:1.example.com", False),
        ("https://*.example.com", False),
        ("https://x.example.com:8443", False),
        ("https://x.example.com.evil.net", False),
        ("http://x.example.com", False),
    ],
)
def test_subdomains_of_each_domain(origin: str, allowed: bool) -> None:
    origins = Origins(("https://*.example.com", "https://*.a.example.com:8443"))
    assert origins.allow(origin) is allowed
