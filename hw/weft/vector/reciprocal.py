"""Reciprocal: the scale that divides by a row scalar."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .beats import WORD
from .rounding_shift import SHIFT_BITS
from .wide_product import WideProduct

# Bits of the sum of a shift and an exponent.
_WIDE_SHIFT = SHIFT_BITS + 1
_TOP = WORD.width - 2
# From gemmlowp's fixedpoint.h: 1, 48/17 and -32/17 in Q2.29.
_ONE = 1 << 29
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540
# Newton-Raphson steps, each of two products, after a product for the first estimate.
_STEPS = 3
_ROUNDS = 1 + 2 * _STEPS
# A register for the operands of a product, and one for what it gives.
_ROUND_CYCLES = 1 + WideProduct.latency + 1
_MOVES = (16, 8, 4, 2, 1)


def operand_layout() -> data.StructLayout:
    """Return the layout of an operand: a row scalar and the shift of its instruction."""
    return data.StructLayout({"x": WORD, "shift": SHIFT_BITS})


def reciprocal_layout() -> data.StructLayout:
    """Return the layout of a result; with `error`, its other members mean nothing."""
    return data.StructLayout({"multiplier": WORD, "shift": SHIFT_BITS, "error": 1})


class Reciprocal(wiring.Component):
    """multiplier / 2**shift' = 2**(31 - shift) / x, as `weft_model.core.reciprocal` computes it.

    The operand is shifted until its highest bit is bit 30, which makes it a number from 1/2 to 1.
    Three Newton-Raphson steps in fixed point follow, one product at a time.

    | Cycle | |
    | --- | --- |
    | 0 | transfer of the operand |
    | 1 to 5 | it is shifted by 16, 8, 4, 2 and 1 bits, or not |
    | 7 + 6 n | the operands of product n are in their registers, n from 0 to 6 |
    | 11 + 6 n | product n |
    | 12 + 6 n | the estimate (n = 0, 2, 4, 6) or its error |
    | 48 | the result |

    Latency `latency` cycles from the transfer of an operand to its result; from that cycle on, the
    next one is taken. The result cannot be refused.

    `error`: x is not above 0, or the shift of the result would be above 63.

    Members
    -------
    operands : stream of operand_layout() in
    results : stream of reciprocal_layout() out
    """

    latency = _ROUND_CYCLES * (1 + _ROUNDS)

    def __init__(self):
        super().__init__(
            {
                "operands": In(stream.Signature(operand_layout())),
                "results": Out(stream.Signature(reciprocal_layout(), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        operand = self.operands.payload
        active, start = Signal(), Signal()
        # Round 0 shifts the operand; the others multiply.
        phase, round_ = Signal(range(_ROUND_CYCLES)), Signal(range(1 + _ROUNDS))
        number, shift = Signal(WORD, reset_less=True), Signal(_WIDE_SHIFT, reset_less=True)
        positive = Signal(reset_less=True)
        m.d.comb += [
            self.operands.ready.eq(~active),
            start.eq(self.operands.valid & ~active),
        ]
        ends_round = phase == _ROUND_CYCLES - 1
        ends = ends_round & (round_ == _ROUNDS)
        with m.If(start):
            m.d.sync += [
                active.eq(1),
                phase.eq(1),
                round_.eq(0),
                number.eq(operand.x),
                shift.eq(operand.shift + _TOP),
                positive.eq(operand.x > 0),
            ]
        with m.Elif(active):
            m.d.sync += [
                active.eq(~ends),
                phase.eq(Mux(ends_round, 0, phase + 1)),
                round_.eq(round_ + ends_round),
            ]
            with m.If(round_ == 0):
                self._normalize(m, phase, number, shift)
        estimate = self._newton(m, platform, number, round_=round_, ends_round=ends_round)
        result = self.results.payload
        m.d.sync += self.results.valid.eq(active & ends)
        m.d.comb += [
            # An estimate of 2 is the reciprocal 1, which has no code.
            result.multiplier.eq(Mux(estimate[_TOP], (1 << (WORD.width - 1)) - 1, estimate << 1)),
            result.shift.eq(shift),
            result.error.eq(~positive | shift[SHIFT_BITS:].any()),
        ]
        return m

    def _normalize(self, m: Module, phase: Signal, number: Signal, shift: Signal) -> None:
        """Shift the number, and subtract from the shift what it was shifted by."""
        for at, bits in enumerate(_MOVES, start=1):
            with m.If((phase == at) & ~number[_TOP + 1 - bits : _TOP + 1].any()):
                m.d.sync += [number.eq(number << bits), shift.eq(shift - bits)]

    def _newton(
        self, m: Module, platform, half: Signal, *, round_: Signal, ends_round: Value
    ) -> Signal:
        """Return the estimate of 1 / `half`; a round begins with its operands."""
        product = instantiate(m, "multiplication", platform, WideProduct, width=WORD.width)
        first, second, estimate, error = (
            Signal(WORD, name=name, reset_less=True)
            for name in ("first", "second", "estimate", "error")
        )
        high, base, change = (Signal(WORD, name=name) for name in ("high", "base", "change"))
        begins, finds_error = round_ == 1, ~round_[0]
        m.d.comb += [
            product.first.eq(first),
            product.second.eq(second),
            # Half of the lowest bit that is used, so that it is rounded.
            product.nudge.eq(1),
            high.eq(product.product >> (WORD.width - 1)),
            base.eq(Mux(begins, _48_OVER_17, Mux(finds_error, _ONE, estimate))),
            change.eq(Mux(begins, high, Mux(finds_error, -high, high << 2))),
        ]
        m.d.sync += [
            first.eq(Mux(begins | finds_error, half, estimate)),
            second.eq(Mux(begins, _MINUS_32_OVER_17, Mux(finds_error, estimate, error))),
        ]
        with m.If(ends_round & finds_error):
            m.d.sync += error.eq(base + change)
        with m.Elif(ends_round):
            m.d.sync += estimate.eq(base + change)
        return estimate
