"""Scale: every mode equals numpy, at ties, at extremes and with every shift."""

import cocotb
import numpy as np
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.bits import join, split_signed
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.vector_lanes import scalings
from weft.blocks.lanes import Lanes
from weft.hierarchy import instantiate
from weft.isa.codes import Rounding
from weft.vector.rounding_shift import SHIFT_BITS
from weft.vector.scale import Scale
from weft.vector.significand import RoundedSignificand, WholeSignificand

# Rows of each mode: on Verilator more than 100,000 numbers.
ROWS = {"Verilator": 6500, "Icarus Verilog": 150}
LANES = 16
WIDTH = 32
OUT_WIDTH = WIDTH + 2


class Scales(wiring.Component):
    """LANES of Scale, with the same mode."""

    def __init__(self, *, significand: type):
        self.significand = significand
        words = In(Lanes(signed(WIDTH), LANES))
        super().__init__(
            {
                "x": words,
                "multiplier": words,
                "shift": In(Lanes(SHIFT_BITS, LANES)),
                "rounding": In(3),
                "o": Out(Lanes(signed(OUT_WIDTH), LANES)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for lane in range(LANES):
            scale = instantiate(m, f"scale_{lane}", platform, Scale, significand=self.significand)
            m.d.comb += [
                scale.rounding.eq(self.rounding),
                self.o[lane].eq(scale.o),
                *[
                    getattr(scale, name).eq(getattr(self, name)[lane])
                    for name in ("x", "multiplier", "shift")
                ],
            ]
        return m


@on_simulators("significand", {"F32": RoundedSignificand, "no F32": WholeSignificand}, verilator=2)
def test_scale(simulate, significand):
    simulate([scales_as_numpy_does], Scales, significand=significand)


@cocotb.test(**TIMEOUT)
async def scales_as_numpy_does(dut):
    """New numbers in every cycle, in the exact cycle of the latency."""
    source = np.random.default_rng(randomness().getrandbits(32))
    modes = set(Rounding)
    if parameters().significand is WholeSignificand:
        modes.remove(Rounding.F32)
    await start(dut)
    for mode in sorted(modes):
        given = scalings(source, mode, (ROWS[cocotb.SIM_NAME], LANES))
        rows = [
            (join(x, WIDTH), join(multiplier, WIDTH), join(shift, SHIFT_BITS))
            for x, multiplier, shift in zip(given.x, given.multiplier, given.shift, strict=True)
        ]
        dut.rounding.value = mode
        got = []
        for x, multiplier, shift in rows + rows[:1] * Scale.latency:
            dut.x.value, dut.multiplier.value, dut.shift.value = x, multiplier, shift
            await tick(dut)
            got.append(split_signed(read(dut, "o"), OUT_WIDTH, LANES))
        limit = 1 << WIDTH
        wanted = np.clip(given.results, -limit, limit)
        compare(mode.name, got[Scale.latency :], wanted.tolist())
