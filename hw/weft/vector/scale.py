"""Scale: an integer times a multiplier, divided by a power of two and rounded."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..isa.codes import Rounding
from ..isa.instructions import VECTOR
from ..isa.layouts import shape_of
from .rounding_shift import SHIFT_BITS, RoundingShift
from .significand import RoundedSignificand
from .wide_product import MULTIPLIER_STAGES, WideProduct

# Significant bits of a float32.
FLOAT32_DIGITS = 24


class Scale(wiring.Component):
    """x * multiplier / 2**shift, rounded as `rounding` says, limited to -2**width ... 2**width.

    NONE: x itself. UP: halves are rounded up. DOUBLE: the same, after 2**(width - 2) is added to
    the product, or subtracted if x is negative, if the shift is at least `width`. F32: as float32
    computes it: x is rounded to `digits` significant bits, then the product, and then the quotient
    to an integer, each time with ties to even. No float unit is needed, because no exponent can
    overflow: rounding the integer product is rounding the quotient.

    | Cycle | |
    | --- | --- |
    | 0 | `x`, `multiplier`, `shift` |
    | 2 | x is rounded (F32) |
    | 4 | the products of the halves |
    | 6 | the product (with what DOUBLE adds) |
    | 8 | the product is rounded (F32) |
    | 11 | it is shifted |
    | 12 | the result is rounded and limited |

    Latency `latency` cycles, one number per cycle. Never stalls; no register is reset.

    Parameters
    ----------
    significand : type
        RoundedSignificand; or WholeSignificand, without F32.
    width : int
        Bits of `x` and of `multiplier`; even.
    digits : int
        Significant bits of a float.

    Members
    -------
    x, multiplier : signed(width) in
        With F32, `multiplier` is from -2**digits to 2**digits.
    shift : unsigned(6) in
    rounding : Rounding in. Static: the same for all numbers that are in the pipeline.
    o : signed(width + 2) out
    """

    latency = 2 * RoundedSignificand.latency + WideProduct.latency + RoundingShift.latency

    def __init__(
        self,
        *,
        significand: type = RoundedSignificand,
        width: int = 32,
        digits: int = FLOAT32_DIGITS,
    ):
        self.significand = significand
        self.width = width
        self.digits = digits
        super().__init__(
            {
                "x": In(signed(width)),
                "multiplier": In(signed(width)),
                "shift": In(SHIFT_BITS),
                "rounding": In(shape_of(VECTOR.by_name["rounding"])),
                "o": Out(signed(width + 2)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = self.width
        f32 = (self.rounding == Rounding.F32) & Const(self.significand.rounds, 1)
        none = self.rounding == Rounding.NONE
        wait = range(RoundedSignificand.latency)
        product = instantiate(m, "multiplication", platform, WideProduct, width=width)
        multiplier, shift = Signal(signed(width)), Signal(SHIFT_BITS)
        adds = (self.rounding == Rounding.DOUBLE) & (self.shift >= width)
        nudge = Signal(signed(2))
        m.d.comb += [
            multiplier.eq(Mux(none, 1, self.multiplier)),
            shift.eq(Mux(none, 0, self.shift)),
            nudge.eq(Mux(adds, Mux(self.x[-1], -1, 1), 0)),
            product.first.eq(self._rounded(m, platform, "x_significand", self.x, f32)),
            product.second.eq(registered(m, multiplier, stages=wait, name="multiplier")),
            product.nudge.eq(
                registered(
                    m, nudge, stages=range(len(wait) + MULTIPLIER_STAGES), name="nudge_stage"
                )
            ),
        ]

        # A product of F32 is at most 2**(digits + width - 1); all higher bits are equal.
        low = min(2 * width, width + self.digits + 1)
        total = product.product
        rounded = self._rounded(m, platform, "significand", total[:low].as_signed(), f32)
        high = registered(m, total[low:], stages=wait, name="high")
        shifter = instantiate(
            m, "shifter", platform, RoundingShift, input_width=2 * width, width=width + 1
        )
        shift_wait = range(2 * len(wait) + WideProduct.latency)
        m.d.comb += [
            shifter.i.eq(Cat(rounded[:low], high).as_signed()),
            shifter.shift.eq(registered(m, shift, stages=shift_wait, name="shift_stage")),
            shifter.to_even.eq(f32),
            self.o.eq(shifter.o),
        ]
        return m

    def _rounded(self, m: Module, platform, name: str, number: Value, rounds: Value) -> Value:
        """Return a number with at most `digits` significant bits if it is rounded."""
        width = len(number)
        block = instantiate(m, name, platform, self.significand, width=width, digits=self.digits)
        m.d.comb += [block.i.eq(number), block.round.eq(rounds)]
        return block.o
