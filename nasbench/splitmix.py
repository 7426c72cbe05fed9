"""SplitMix64 (Steele, Lea and Flood, 2014, https://doi.org/10.1145/2714064.2660195).

All pseudo-random numbers that must be equal on every machine, in every language and for every
library version come from here: draws of training seeds, initial weights, data order.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

GAMMA = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF
_FEW = 16


def mix(state: int) -> int:
    """Return the output of the generator for a 64-bit state; the increment is added first."""
    z = (state + GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def mix_many(states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return :func:`mix` of many states."""
    with np.errstate(over="ignore"):
        z = states + np.uint64(GAMMA)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def key(*parts: object) -> int:
    """Return a stable 64-bit key of the given parts, joined as text."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def stream(seed: int, n: int) -> NDArray[np.uint64]:
    """Return the first ``n`` outputs of the generator seeded with ``seed``, shape ``(n,)``."""
    with np.errstate(over="ignore"):
        return mix_many(np.uint64(seed & _MASK) + np.arange(n, dtype=np.uint64) * np.uint64(GAMMA))


def uniform(seed: int, n: int) -> NDArray[np.float64]:
    """Return ``n`` numbers in [0, 1) with 53 random bits each, shape ``(n,)``."""
    return (stream(seed, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(seed: int, n: int) -> NDArray[np.int64]:
    """Return a permutation of ``range(n)``: the order of ``n`` outputs of the generator."""
    if n <= _FEW:  # so few are sorted before an array is made
        outputs = [mix(seed + i * GAMMA) for i in range(n)]
        return np.array(sorted(range(n), key=outputs.__getitem__), dtype=np.int64)
    return np.argsort(stream(seed, n), kind="stable").astype(np.int64)
