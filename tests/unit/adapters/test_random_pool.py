"""Nonces and request ids: as long as they say, and no two alike."""

from tokend.adapters.random_pool import POOL, RandomPool


def test_nonces_have_128_bits_and_differ() -> None:
    pool = RandomPool()
    nonces = [pool.nonce() for _ in range(2 * POOL // 16 + 1)]
    assert len(set(nonces)) == len(nonces)
    assert all(0 <= nonce < 2**128 for nonce in nonces)
    bits = [sum(nonce >> bit & 1 for nonce in nonces) for bit in range(128)]
    assert all(len(nonces) / 4 < ones < len(nonces) * 3 / 4 for ones in bits), "a bit is not random"


def test_request_ids_have_16_digits_and_differ() -> None:
    pool = RandomPool()
    ids = [pool.request_id() for _ in range(POOL // 8 + 1)]
    assert len(set(ids)) == len(ids)
    assert all(len(request_id) == 16 and int(request_id, 16) >= 0 for request_id in ids)
