"""The keys of callers: `Key` is public, for the auth schemes of others."""

from tokend.auth.key_digests import digest_of
from tokend.plugins import Key


def test_a_key_is_made_from_what_another_key_holds() -> None:
    key = Key.model_validate({"sha256": digest_of("studio"), "not_after": "2026-12-31T00:00:00Z"})
    assert Key.model_validate(key.model_dump()) == key
