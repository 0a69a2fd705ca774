"""Which arm a customer is in: a salted hash, the same in SQL and here.

The first 13 hexadecimal digits of SHA-256 over `salt:customer_id` are a number in
[0, 1); the arm whose part of that interval it falls into is the customer's. Nobody
else has a say in it, so that nobody changes arms when others join.

The pipeline assigns with the macro `hash_point`; this is the same for other systems.
"""

import hashlib
import itertools
from collections.abc import Mapping

#: Digits of the hash: 52 bits, which a double holds exactly.
_DIGITS = 13
_POINTS = 2.0**52


def hash_point(salt: str, customer_id: str) -> float:
    """A number in [0, 1) that is the customer's alone, in experiments of this salt."""
    digest = hashlib.sha256(f"{salt}:{customer_id}".encode()).hexdigest()
    return int(digest[:_DIGITS], 16) / _POINTS


def bounds(shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """The part of [0, 1) of every arm, from (inclusive) and to, in order."""
    edges = [0.0]
    for share in shares.values():
        edges.append(edges[-1] + share)
    edges[-1] = 1.0  # whatever the sum of floating-point shares
    return dict(zip(shares, itertools.pairwise(edges), strict=True))


def arm_of(salt: str, customer_id: str, shares: Mapping[str, float]) -> str:
    """The arm of a customer who has none yet."""
    point = hash_point(salt, customer_id)
    return next(arm for arm, (_, end) in bounds(shares).items() if point < end)
