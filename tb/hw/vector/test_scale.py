"""Scale: every mode equals numpy, at ties, at extremes and with every shift."""

import cocotb
import numpy as np
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.vector_lanes import scalings
from weft.blocks.lanes import Lanes
from weft.hierarchy import instantiate
from weft.isa.codes import Rounding
from weft.vector.scale import Scale
from weft.vector.significand import RoundedSignificand, WholeSignificand

# Rows of each mode: on Verilator more than 100,000 numbers.
ROWS = {"Verilator": 6500, "Icarus Verilog": 150}
LANES = 16
WIDTH = 32
# Bits of a result on the port of the bench, a type of numpy.
OUT_WIDTH = 64


class Scales(wiring.Component):
    """LANES of Scale, with the same mode."""

    def __init__(self, *, significand: type):
        self.significand = significand
        words = In(Lanes(signed(WIDTH), LANES))
        super().__init__(
            {
                "x": words,
                "multiplier": words,
                "shift": In(Lanes(8, LANES)),
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


@on_simulators("significand", {"F32": RoundedSignificand, "no F32": WholeSignificand})
def test_scale(simulate, significand):
    simulate([scales_as_numpy_does], Scales, significand=significand)


def as_words(numbers: np.ndarray, lane: type) -> list[int]:
    """Return rows of lanes as one number each; `lane` is the type of a lane on the port."""
    return [int.from_bytes(row.tobytes(), "little") for row in numbers.astype(lane)]


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
        columns = [as_words(numbers, np.int32) for numbers in (given.x, given.multiplier)]
        rows = list(zip(*columns, as_words(given.shift, np.uint8), strict=True))
        dut.rounding.value = mode
        words = []
        for x, multiplier, shift in rows + rows[:1] * Scale.latency:
            dut.x.value, dut.multiplier.value, dut.shift.value = x, multiplier, shift
            await tick(dut)
            words.append(read(dut, "o").to_bytes(LANES * OUT_WIDTH // 8, "little"))
        got = np.frombuffer(b"".join(words[Scale.latency :]), np.int64).reshape(-1, LANES)
        limit = 1 << WIDTH
        wanted = np.clip(given.results, -limit, limit)
        compare(mode.name, got, wanted)
