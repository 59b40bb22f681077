"""Who is a trusted proxy, and which address a client has behind one: nobody is believed who is not on the list."""

import pytest

from tokend.issuing.trusted_proxies import UNIX, TrustedProxies

LISTED = TrustedProxies(["10.0.0.0/8", "127.0.0.1", "::1/128", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        *(("127.0.0.1", True), ("10.255.0.7", True), ("::1", True), ("fd00::7", True), ("fd00::7%eth0", True)),
        *(("::ffff:10.0.0.7", True), ("::ffff:7f00:1", True)),  # IPv4 on a listener of IPv6
        *(("127.0.0.2", False), ("11.0.0.1", False), ("::2", False), ("::ffff:11.0.0.1", False), ("::10.0.0.1", False)),
        *((UNIX, False), ("", False), ("localhost", False), ("010.0.0.1", False), ("10.0.0.1 ", False)),
    ],
)
def test_who_is_trusted(peer: str, trusted: bool) -> None:
    assert LISTED.trust(peer) is trusted
    assert TrustedProxies().trust(peer) is False


def test_a_unix_socket_is_trusted_only_by_name() -> None:
    assert TrustedProxies([UNIX]).trust(UNIX)
    assert not TrustedProxies([UNIX]).trust("127.0.0.1")
    assert not TrustedProxies(["127.0.0.1"]).trust(UNIX)


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # what stands before it is the client's own word
        (["whatever, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.8,127.0.0.1"], "203.0.113.7"),
        (["203.0.113.7", "10.0.0.8"], "203.0.113.7"),
        (["203.0.113.7", "198.51.100.1, 10.0.0.8"], "198.51.100.1"),
        (["10.0.0.9, 10.0.0.8"], "10.0.0.9"),  # all trusted: the first of them asks
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["2001:DB8:0::7"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["fe80::1%eth0"], "fe80::1"),
        ([], "10.0.0.7"),
        ([""], "10.0.0.7"),
        (["203.0.113.7,"], "10.0.0.7"),
        (["203.0.113.7, unknown"], "10.0.0.7"),
        (["203.0.113.7, unknown, 10.0.0.8"], "10.0.0.7"),
        (["203.0.113.7/32"], "10.0.0.7"),
        (["203.0.113.007"], "10.0.0.7"),
        (["[2001:db8::7"], "2001:db8::7"),
        (["for=203.0.113.7"], "10.0.0.7"),
        (["２０３.0.113.7"], "10.0.0.7"),
        (["1" * 9000], "10.0.0.7"),
        ([",".join(["10.0.0.8"] * 900)], "10.0.0.8"),
    ],
)
def test_whose_address_counts(forwarded_for: list[str], client: str) -> None:
    assert LISTED.client("10.0.0.7", forwarded_for) == client
    for peer in ("198.51.100.9", UNIX, ""):
        assert LISTED.client(peer, forwarded_for) == peer
    assert TrustedProxies().client("10.0.0.7", forwarded_for) == "10.0.0.7"
