"""Regions of a memory at random places."""

import random

from benches.bits import join, pack
from weft.bus.regions import REGIONS, region_layout

# Bases are multiples of the widest beat.
ALIGNMENT = 128


class RandomRegions:
    """Regions that do not overlap, of random sizes and permissions.

    At least one can be read, one written, and one neither.

    Parameters
    ----------
    source : random.Random
    address_width : int
    sizes : list of int, optional
    """

    def __init__(
        self, source: random.Random, *, address_width: int, sizes: list[int] | None = None
    ):
        self.address_width = address_width
        self.sizes = sizes or [source.randint(300, 5000) for _ in range(REGIONS)]
        self.base = source.randrange(1 << (address_width - 2)) // ALIGNMENT * ALIGNMENT
        self.bases, end = [], self.base
        for size in self.sizes:
            self.bases.append(end)
            end += -(-size // ALIGNMENT) * ALIGNMENT + ALIGNMENT * source.randrange(3)
        self.bytes = end - self.base
        readable = source.sample(range(REGIONS), 5)
        self.readable, self.writable = set(readable), set(readable[3:])

    def permitted(self, permission: str) -> list[int]:
        return sorted(getattr(self, permission))

    @property
    def bits(self) -> int:
        """The value of the port."""
        layout = region_layout(self.address_width)
        return join(
            [
                pack(
                    layout,
                    base=base,
                    size=size,
                    readable=number in self.readable,
                    writable=number in self.writable,
                )
                for number, (base, size) in enumerate(zip(self.bases, self.sizes, strict=True))
            ],
            layout.size,
        )
