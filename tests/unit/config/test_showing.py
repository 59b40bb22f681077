"""What `/-/config` shows of a value."""

from tokend.config.showing import redacted


def test_the_query_of_a_url_that_tokend_calls_is_not_shown() -> None:
    """Some services take their key there. The query was shown as it is written."""
    written = {
        "authorizer": {"url": "https://api.example.com/authorize?code=hunter2", "secret": {"env": "SECRET"}},
        "callers": {"web": {"jwt": {"jwks": "https://id.example.com/keys?key=hunter2#x", "issuer": "https://a?b"}}},
        "routes": [{"response": {"url": "https://example.com/?token={token}"}}],
    }
    assert redacted(written) == {
        "authorizer": {"url": "https://api.example.com/authorize?…", "secret": {"env": "SECRET"}},
        "callers": {"web": {"jwt": {"jwks": "https://id.example.com/keys?…", "issuer": "https://a?b"}}},
        "routes": [{"response": {"url": "https://example.com/?…"}}],
    }
