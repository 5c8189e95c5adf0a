"""Noise on a line: what may happen to the bytes that go over it, drawn from a seed."""

import random
from dataclasses import dataclass

LONGEST_BURST = 40


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Chances, for each byte, of what happens to it.

    `flipped`: one of its bits changes. `dropped`: it is lost. `duplicated`: it comes twice.
    `garbage`: a burst of random bytes comes before it.
    """

    seed: int = 0
    flipped: float = 0.0
    dropped: float = 0.0
    duplicated: float = 0.0
    garbage: float = 0.0


class NoisyLine:
    """One direction of a line with noise.

    Parameters
    ----------
    noise : Noise
    direction : str
        Makes each direction's draws its own.
    """

    def __init__(self, noise: Noise, direction: str):
        self.noise = noise
        self._source = random.Random(f"{noise.seed} {direction}")

    def carry(self, sent: bytes) -> bytes:
        """What arrives of the bytes sent."""
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
