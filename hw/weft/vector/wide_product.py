"""WideProduct: the product of two wide integers, from four multipliers of half the width."""

from amaranth.hdl import Cat, Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..primitives.multiplier import multiply

MULTIPLIER_STAGES = 2


class HalfProduct(wiring.Component):
    """The product of two registered numbers, MULTIPLIER_STAGES cycles later.

    Parameters
    ----------
    width : int

    Members
    -------
    first, second : signed(width) in
    product : signed(2 * width) out
    """

    def __init__(self, *, width: int):
        self.width = width
        operand = In(signed(width))
        super().__init__({"first": operand, "second": operand, "product": Out(signed(2 * width))})

    def elaborate(self, platform):
        m = Module()
        product = multiply(
            m,
            platform,
            self.first,
            self.second,
            shape=Shape.cast(signed(2 * self.width)),
            stages=MULTIPLIER_STAGES,
        )
        m.d.comb += self.product.eq(product)
        return m


class WideProduct(wiring.Component):
    """first * second + nudge * 2**(width - 2).

    Each operand is split into halves; the products of the outer halves are simply joined, and that
    of the inner ones is added. The nudge is added while the inner products are.

    Latency `latency` cycles from registered operands, and `latency` - MULTIPLIER_STAGES from the
    nudge. Never stalls; no register is reset.

    Parameters
    ----------
    width : int
        Even.

    Members
    -------
    first : signed(width + 1) in. At most 2**(width - 1).
    second : signed(width) in
    nudge : signed(2) in
    product : signed(2 * width) out
    """

    latency = MULTIPLIER_STAGES + 2

    def __init__(self, *, width: int):
        self.width = width
        super().__init__(
            {
                "first": In(signed(width + 1)),
                "second": In(signed(width)),
                "nudge": In(signed(2)),
                "product": Out(signed(2 * width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        half, width = self.width // 2, self.width
        halves = {
            name: {"low": Cat(number[:half], 0).as_signed(), "high": number[half:].as_signed()}
            for name, number in (("first", self.first), ("second", self.second))
        }
        products = {}
        for one in ("low", "high"):
            for other in ("low", "high"):
                block = instantiate(m, f"{one}_{other}", platform, HalfProduct, width=half + 1)
                m.d.comb += [
                    block.first.eq(halves["first"][one]),
                    block.second.eq(halves["second"][other]),
                ]
                products[one, other] = block.product

        inner = Signal(signed(2 * half + 3), reset_less=True)
        outer = Cat(products["low", "low"][: 2 * half], products["high", "high"][: 2 * half])
        nudged = Signal(signed(2 * width - (width - 2)), reset_less=True)
        m.d.sync += [
            inner.eq(products["low", "high"] + products["high", "low"]),
            nudged.eq(outer[width - 2 :].as_signed() + self.nudge),
        ]
        below = registered(m, outer[: width - 2], stages=range(1), name="below")
        total = Signal(signed(2 * width), reset_less=True)
        m.d.sync += total.eq(Cat(below, nudged).as_signed() + (inner << half))
        m.d.comb += self.product.eq(total)
        return m
