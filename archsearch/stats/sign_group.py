"""Sign patterns that are enough for an exact sign-flip test: all 2^n of few pairs, of more a group among them.

    signs(0, 30).shape                  # (16384, 30): half of the group, the other half are the opposite patterns

If differences are symmetric about 0, all sign patterns of theirs are equally likely given their sizes. The same holds
within any set of patterns that is a group under multiplication, and counting in it alone is a test as exact as
counting all 2^n (Hemerik & Goeman 2018; Koning & Hemerik 2023): nothing is sampled, no +1 is needed. This one is a
linear code of 15 bits: the first 15 pairs have all their patterns in it, equally often, and of any 5 pairs each pattern
is there equally often (of any 3 where there are more than 84 pairs), so that sums have the moments that they have
under all 2^n. Knows no differences.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BITS = 15
HALF: int = 2 ** (BITS - 1)  # patterns, of which the opposite ones are in the group too
_STEP = 20_077  # odd, so that its multiples go through all numbers of 15 bits, in no order that matters


@lru_cache(maxsize=64)
def signs(start: int, stop: int) -> NDArray[np.float64]:
    """Give +1 and -1, shape (HALF, stop - start), of the pairs from `start` to before `stop`; row 0 is all +1.

    The columns of a pair are the same whatever follows it, so a test of the first pairs stays what it was.
    """
    import numpy as np

    chosen = np.array(_columns(stop)[start:], dtype=np.int64)
    shared = np.arange(HALF, dtype=np.int64)[:, None] & chosen[None, :]
    for shift in (8, 4, 2, 1):  # parity of the bits
        shared ^= shared >> shift
    return (1 - 2 * (shared & 1)).astype(np.float64)


@lru_cache(maxsize=64)
def _columns(count: int) -> tuple[int, ...]:
    """Choose a vector of 15 bits for each pair: unit vectors, then ones of which no four add up to 0.

    All have an odd number of bits, so no odd number of them adds up to 0, and the pattern of -1 only is in the group.
    """
    found = [1 << bit for bit in range(BITS)][:count]
    sums_of_two = {a ^ b for a in found for b in found if a != b}
    sums_of_three = {a ^ b for a in sums_of_two for b in found} | set(found)
    odd = [one for step in range(1, 2**BITS) if (one := step * _STEP % 2**BITS).bit_count() % 2]
    for one in odd:
        if len(found) == count:
            break
        if one not in sums_of_three:
            sums_of_three |= {one ^ two for two in sums_of_two} | {one}
            sums_of_two |= {one ^ other for other in found}
            found.append(one)
    left = [one for one in odd if one not in set(found)] if len(found) < count else []
    return (*found, *left[: count - len(found)])
