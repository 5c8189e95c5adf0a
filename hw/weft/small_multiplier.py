"""SmallMultiplier: the product of two weights, of adders alone."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig


class SmallMultiplier(wiring.Component):
    """The product of two weights by a tree of adders: what is rarely needed costs no hard block.

    It is written without `*`, which synthesis tools turn into hard multipliers.

    Latency `latency_of(config)` cycles, one product a cycle. If there are several registers, the
    first is that of the operands, and the others are spread over the depth of the tree. Nothing
    stalls, nothing is reset.

    Members
    -------
    first, second : weight format in
    product : product_shape_of(config) out
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "first": In(config.weight.shape),
                "second": In(config.weight.shape),
                "product": Out(self.product_shape_of(config)),
            }
        )

    @staticmethod
    def product_shape_of(config: MatrixUnitConfig) -> Shape:
        """Twice as wide as a weight, and signed if it is."""
        return Shape(2 * config.weight.width, signed=config.weight.signed)

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        return 1 + config.multiplier_stages

    def elaborate(self, platform):
        m = Module()
        number = self.config.weight
        registers = self.latency_of(self.config)
        first, second = self.first, self.second
        if registers > 1:
            first, second = _register(m, [first, second], "operand")
            registers -= 1
        terms: list[Value] = [Mux(first[bit], second, 0) for bit in range(number.width)]
        # The top bit of a signed number counts negative, and so does the last term.
        negative = number.signed
        depth = (number.width - 1).bit_length()
        level = 0
        for register in range(1, registers + 1):
            while level * registers < depth * register:
                terms, negative = _add_pairs(terms, 1 << level, negative)
                level += 1
            terms = _register(m, terms, f"term_{register}")
        (product,) = terms
        m.d.comb += self.product.eq(-product if negative else product)
        return m


def _add_pairs(terms: list[Value], shift: int, negative: bool) -> tuple[list[Value], bool]:
    """Sums of two terms each, of which the second counts for 2 ** shift times as much.

    `negative`: whether the last term counts negative; returned anew.
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
