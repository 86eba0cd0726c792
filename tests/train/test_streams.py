from __future__ import annotations

import hashlib

from archsearch.train.streams import stream


def test_stream_is_the_first_63_bits_of_the_hash_of_seed_and_purpose():
    digest = hashlib.sha256(b"3/order/0").digest()
    assert stream(3, "order", 0) == int.from_bytes(digest[:8], "big") // 2


def test_streams_of_different_purposes_and_seeds_differ():
    seeds = {stream(s, *p) for s in range(50) for p in (("order", 0), ("order", 1), ("init", "conv1"), ("split",))}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)
