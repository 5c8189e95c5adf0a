"""FaultyUnit: run a matrix unit with one flipped bit, and collect what its host sees."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weft.emit.verilog import Design
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft.matrix.timing import MatrixUnitTiming
from weft_sim.emissions import emitted
from weft_sim.library import build
from weft_sim.native_driver import COUNTERS, DONE, Progress, StimulusBuffers, load
from weft_sim.native_unit import NativeUnit
from weft_sim.stalls import Stalls

from .netlist import Bit, with_faults

# After the last result, watch the unit for this multiple of its latency: more rows may arrive.
WATCHED_LATENCIES = 4


@dataclass(frozen=True)
class Fault:
    """A stored bit, as an index into `FaultyUnit.bits`, that flips at the end of a cycle."""

    bit: int
    cycle: int


@dataclass(frozen=True)
class Work:
    """Consecutive products, and stalls on the streams."""

    operands: list[tuple[np.ndarray, np.ndarray]]
    stalls: Stalls | None = None


@dataclass(frozen=True)
class Answer:
    """What the host sees of a run.

    `products`: complete only if the run ended. `cycles`: until the last expected result.
    `counters` and `errors` are read WATCHED_LATENCIES later. `ended`: all results arrived and all
    operands were taken. `further_results`: number of unexpected rows. `wrong_ends`: results with a
    wrong tlast. `broken_waits`: results that were withdrawn or changed while they waited.
    """

    products: list[np.ndarray]
    cycles: int
    counters: dict[str, int]
    errors: Error
    ended: bool
    further_results: int
    wrong_ends: int
    broken_waits: int


class FaultyUnit:
    """A matrix unit in which any stored bit can be flipped; every run starts from reset.

    Parameters
    ----------
    config : MatrixUnitConfig
    building : callable
        Called before a build, unless the cache has it.

    Members
    -------
    bits : tuple of Bit
        The bits that can be flipped.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed, yosys.YosysFailed
        If the unit cannot be built.
    """

    def __init__(self, config: MatrixUnitConfig, *, building: Callable[[], None] = lambda: None):
        emission = emitted(config)
        netlist = with_faults(emission.verilog, emission.name)
        self.config = config
        self.bits: tuple[Bit, ...] = netlist.bits
        faulty = Design.of_text(netlist.verilog, emission.name)
        self._library = load(build(faulty, faults=True, building=building))

    def bit_of(self, register: str, place: int) -> int:
        """Return the index of a bit of a register in `bits`."""
        return self.bits.index(Bit(register, place))

    def run(self, work: Work, fault: Fault | None = None) -> Answer:
        """Run a work, with or without a fault."""
        buffers = StimulusBuffers(self.config, work.operands)
        stimulus, progress = buffers.stimulus(work.stalls), Progress()
        stimulus.aftermath = WATCHED_LATENCIES * MatrixUnitTiming.of(self.config).latency
        if fault is not None:
            stimulus.fault_bit, stimulus.fault_cycle = fault.bit, fault.cycle
        unit = NativeUnit(self._library)
        unit.start(stimulus, progress)
        unit.run(progress, sys.maxsize)
        return Answer(
            products=buffers.products(),
            cycles=progress.done_after,
            counters=dict(zip(COUNTERS, progress.counters, strict=True)),
            errors=Error(progress.error_status),
            ended=progress.status == DONE and not progress.untaken,
            further_results=progress.further_results,
            wrong_ends=progress.wrong_ends,
            broken_waits=progress.broken_waits,
        )
