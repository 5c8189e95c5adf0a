"""Noise on a line: random changes to the bytes that it carries, reproducible from a seed."""

import random
from dataclasses import dataclass

from weft.checks import check, checked_integer, described, is_number

LONGEST_BURST = 40


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Probabilities per byte.

    `flipped`: one bit of it changes. `dropped`: it is lost. `duplicated`: it arrives twice.
    `garbage`: a burst of random bytes arrives before it.

    Raises
    ------
    ValueError
        For a seed that is not an integer of at least 0, or a probability outside 0 to 1.
    """

    seed: int = 0
    flipped: float = 0.0
    dropped: float = 0.0
    duplicated: float = 0.0
    garbage: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "seed", checked_integer("the seed of noise", self.seed, low=0))
        for name in ("flipped", "dropped", "duplicated", "garbage"):
            probability = getattr(self, name)
            check(
                is_number(probability) and 0 <= probability <= 1,
                f"{name} must be a probability from 0 to 1, not {described(probability)}",
            )
            object.__setattr__(self, name, float(probability))


class NoisyLine:
    """One direction of a noisy line.

    Parameters
    ----------
    noise : Noise
    direction : str
        Name of the direction; each direction has its own random numbers.
    """

    def __init__(self, noise: Noise, direction: str):
        self.noise = noise
        self._source = random.Random(f"{noise.seed} {direction}")

    def carry(self, sent: bytes) -> bytes:
        """Return the bytes that arrive for the bytes sent."""
        return b"".join(self._carry_byte(byte) for byte in sent)

    def _carry_byte(self, byte: int) -> bytes:
        source, noise = self._source, self.noise
        arrived = b""
        if source.random() < noise.garbage:
            arrived += source.randbytes(source.randint(1, LONGEST_BURST))
        if source.random() < noise.flipped:
            byte ^= 1 << source.randrange(8)
        if source.random() >= noise.dropped:
            arrived += bytes([byte])
        if source.random() < noise.duplicated:
            arrived += bytes([byte])
        return arrived
