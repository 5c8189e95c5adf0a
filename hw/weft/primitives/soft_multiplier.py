"""SoftMultiplier: a multiplier built of adders only."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate


class SoftMultiplier(wiring.Component):
    """The product of two numbers, computed by a tree of adders without a hard multiplier.

    It is written without `*`, which synthesis tools map to hard multipliers.

    Latency `stages` cycles, one product per cycle; the registers are spread over the depth of the
    tree. Never stalls; no register is reset.

    Parameters
    ----------
    first, second : Shape
    stages : int

    Members
    -------
    first, second : `first` and `second` in
    product : Shape(first.width + second.width) out, signed if either operand is
    """

    def __init__(self, *, first: Shape, second: Shape, stages: int):
        self.stages = stages
        signed = first.signed or second.signed
        super().__init__(
            {
                "first": In(first),
                "second": In(second),
                "product": Out(Shape(first.width + second.width, signed=signed)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        first = self.first.shape()
        terms: list[Value] = [Mux(bit, self.second, 0) for bit in self.first]
        # The top bit of a signed number has a negative weight, and so does the last term.
        negative = first.signed
        depth = (first.width - 1).bit_length()
        level = 0
        steps = max(1, self.stages)
        for step in range(1, steps + 1):
            # Later steps get the extra levels, since the first one also computes the terms.
            while (level + 1) * steps <= depth * step:
                terms, negative = _add_pairs(terms, 1 << level, negative)
                level += 1
            if self.stages:
                terms = _register(m, terms, f"term_{step}")
        (product,) = terms
        m.d.comb += self.product.eq(-product if negative else product)
        return m


def multiply_softly(m: Module, platform, first: Value, second: Value, *, stages: int) -> Value:
    """Return the product of two registered numbers from a SoftMultiplier, `stages` later."""
    multiplier = instantiate(
        m,
        "multiplier",
        platform,
        SoftMultiplier,
        first=first.shape(),
        second=second.shape(),
        stages=stages,
    )
    m.d.comb += [multiplier.first.eq(first), multiplier.second.eq(second)]
    return multiplier.product


def _add_pairs(terms: list[Value], shift: int, negative: bool) -> tuple[list[Value], bool]:
    """Return the sums of pairs of terms, the second of each pair multiplied by 2 ** shift.

    `negative` says whether the last term has a negative weight; it is returned for the sums too.
    """
    pairs = list(zip(terms[0::2], terms[1::2], strict=False))
    sums = [near + far.shift_left(shift) for near, far in pairs]
    if len(terms) % 2:
        return [*sums, terms[-1]], negative
    if negative:
        near, far = pairs[-1]
        sums[-1] = near - far.shift_left(shift)
    return sums, False


def _register(m: Module, terms: Sequence[Value], name: str) -> list[Value]:
    registered = []
    for index, term in enumerate(terms):
        kept = Signal(term.shape(), name=f"{name}_{index}", reset_less=True)
        m.d.sync += kept.eq(term)
        registered.append(kept)
    return registered
