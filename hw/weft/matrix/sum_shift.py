"""SumShift: weigh the partial sums of operands that pass in pieces."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..array.arithmetic import Arithmetic
from ..blocks.chain import Linking
from ..blocks.partial_sums import align_parts
from .config import MatrixUnitConfig


def shifted_sum_parts(config: MatrixUnitConfig, arithmetic: Arithmetic) -> tuple[int, ...]:
    """Return the widths of the parts of the sums that the accumulators add."""
    if not config.shift_bits:
        return arithmetic.sum_parts
    highest = (1 << config.shift_bits) - 1
    width = arithmetic.sum_width + highest * config.cell_width
    return (min(config.accumulator_width, width),)


def sum_shift_of(config: MatrixUnitConfig, arithmetic: Arithmetic) -> dict[str, Any]:
    """Return the parameters of the SumShift behind cells with that arithmetic."""
    (width,) = shifted_sum_parts(config, arithmetic)
    return {
        "sum_parts": arithmetic.sum_parts,
        "step": config.cell_width,
        "shift_bits": config.shift_bits,
        "width": width,
    }


class SumShift(wiring.Component):
    """Multiply the partial sum of one column by 2**(step * shift), modulo 2**width.

    Timing: for `shift_in` in cycle t, the last part of `sum_in` is due in the same cycle (part p of
    n, least significant first, n - 1 - p cycles before that), and `sum_out` comes `latency` cycles
    later. `shift_out` is `shift_in` one cycle later, for the next column. Never stalls; no register
    is reset.

    Parameters
    ----------
    sum_parts : tuple of int
        Widths of the parts of a partial sum, least significant first.
    step : int
        Bits of a piece of an operand.
    shift_bits : int
    width : int
        Bits of a shifted sum.

    Members
    -------
    shift_in, shift_out : shift_bits
    sum_in : signed(sum(sum_parts))
    sum_out : signed(width)
    """

    latency = 1
    linking = Linking(passed=("shift",), link="shift")

    def __init__(self, *, sum_parts: tuple[int, ...], step: int, shift_bits: int, width: int):
        self.sum_parts = sum_parts
        self.step = step
        self.shift_bits = shift_bits
        self.width = width
        super().__init__(
            self.members_of(sum_parts=sum_parts, step=step, shift_bits=shift_bits, width=width)
        )

    @staticmethod
    def members_of(
        *, sum_parts: tuple[int, ...], step: int, shift_bits: int, width: int
    ) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        return {
            "shift_in": In(shift_bits),
            "shift_out": Out(shift_bits),
            "sum_in": In(signed(sum(sum_parts))),
            "sum_out": Out(signed(width)),
        }

    def elaborate(self, platform):
        m = Module()
        passed = Signal.like(self.shift_in, reset_less=True)
        shifted = Signal(signed(self.width), reset_less=True)
        aligned = align_parts(m, platform, self.sum_parts, self.sum_in, name="align")
        m.d.sync += passed.eq(self.shift_in)
        with m.Switch(self.shift_in):
            for shift in range(1 << self.shift_bits):
                with m.Case(shift):
                    m.d.sync += shifted.eq(aligned << (self.step * shift))
        m.d.comb += [self.shift_out.eq(passed), self.sum_out.eq(shifted)]
        return m
