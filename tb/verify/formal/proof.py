"""Proof: a circuit, its properties, and the broken copies that must fail."""

from collections.abc import Callable
from dataclasses import dataclass

from .breaks import Break
from .harness import Harness


@dataclass(frozen=True)
class Proof:
    """One circuit and its properties.

    `method`: "pdr", unbounded; "induction K", unbounded, from K cycles to the next; or "bmc K", for
    the first K cycles after a reset. `methods`: other methods for some of the properties. Each of
    `breaks` must make its property fail, and each property has at least one.
    """

    name: str
    about: str
    harness: Callable[[], Harness]
    breaks: tuple[Break, ...]
    method: str = "pdr"
    methods: tuple[tuple[str, str], ...] = ()

    def method_of(self, output: str) -> str:
        return dict(self.methods).get(output, self.method)
