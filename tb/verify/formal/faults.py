"""Faults: a unit with checksums reports every wrong result that one flipped bit of data causes."""

import re
import tempfile
from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal

from weft.core.axi_matrix_unit import port_documentation
from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft_sim.yosys import run_yosys

from ..faults.classes import DATA, DATAPATH, class_of
from ..faults.netlist import FaultyNetlist, with_faults
from .harness import Harness, delayed
from .narrow import few_places

# Bits of the accumulator memories, whose values return only many cycles later.
SUMS = re.compile(r"accumulators\..*memory\[")
SUMS_IN_MEMORY = "sums-in-memory"
STEADY = ("s_axis_weights_tvalid", "s_axis_activations_tvalid", "m_axis_results_tready")
UNIT = "unit"


class WrongResultsAreReported(Harness):
    """A unit with one flipped bit, and its twin without: every wrong result raises CORRUPTED.

    Both are emitted Verilog with equal inputs. In one of them, any one stored bit of data flips in
    any one cycle. Only lanes of results and CORRUPTED may differ, and CORRUPTED must have been high
    by the time that the unit promises for each result with a wrong lane. Errors are cleared at any
    time.

    Data bits are those of the data classes of `verify faults`. Memories are mapped to registers, so
    each of their bits can flip.

    Parameters
    ----------
    places : int
        Rows of the result buffer: fewer than in the hardware, so that it soon fills up.
    steady : bool
        Only bits of the accumulator memories flip, and no stream pauses. This makes the proof fast
        enough to cover the cycles in which a sum returns from its memory.
    """

    def __init__(self, config: MatrixUnitConfig, places: int, steady: bool = False):
        super().__init__()
        self.config = config
        self.places = places
        self.steady = steady

    def rtlil(self) -> str:
        with few_places(self.places):
            verilog = emit(self.config, UNIT).verilog
        self._netlist = with_faults(verilog, UNIT)
        return _rtlil_of(self._netlist) + super().rtlil()

    def describe(self, m: Module) -> None:
        fault = self._one_fault(m)
        given = {"aclk": ClockSignal(), "aresetn": ~ResetSignal()}
        ports = port_documentation(self.config)
        for port, (direction, width, _) in ports.items():
            if direction == "input" and port not in given:
                given[port] = self.anything(width, port)
        if self.steady:
            self.assume(*[given[port] for port in STEADY])
        inputs = {f"i_{port}": value for port, value in given.items()}
        faulty, twin = {}, {}
        for name, unit, flips in ("faulty", faulty, fault), ("twin", twin, 0):
            for port, (direction, width, _) in ports.items():
                if direction == "output":
                    unit[port] = Signal(width, name=f"{name}_{port}")
            outputs = {f"o_{port}": signal for port, signal in unit.items()}
            m.submodules[name] = Instance(UNIT, i_fault=flips, **inputs, **outputs)

        data, errors = "m_axis_results_tdata", "error_status"
        valid, end = "m_axis_results_tvalid", "m_axis_results_tlast"
        # The proof with fewer cycles shows that the twin raises none.
        alarms = faulty[errors] | twin[errors] if self.steady else faulty[errors]
        if not self.steady:
            alarm = twin[errors] & Error.CORRUPTED.value
            self.prove("no_alarm_without_a_flip", ~alarm.any())
        # High for at least one cycle, whenever errors are cleared.
        corrupted, was_corrupted = Signal(), Signal()
        m.d.comb += corrupted.eq(was_corrupted | (alarms & Error.CORRUPTED.value).any())
        m.d.sync += was_corrupted.eq(corrupted)
        others = (faulty[errors] ^ twin[errors]) & (~Error.CORRUPTED).value
        same = ~others.any() & (~twin[valid] | (faulty[end] == twin[end]))
        counters = [f"counter_{name}" for name, _ in counter_layout()]
        for port in valid, "s_axis_weights_tready", "s_axis_activations_tready", *counters:
            same &= faulty[port] == twin[port]
        self.prove("all_but_data_is_the_same", same)

        transfer = twin[valid] & given["m_axis_results_tready"]
        wrong = transfer & (faulty[data] != twin[data])
        latency = MatrixUnitTiming.of(self.config).check
        self.prove("wrong_results_are_reported", ~delayed(m, wrong, latency, "wrong") | corrupted)
        for name, chosen in self._chosen.items():
            self.reach(f"wrong_by_{name}", wrong & chosen)

    def _one_fault(self, m: Module) -> Signal:
        """Return the bits that flip in this cycle: one arbitrary bit of data, once, or none."""
        classes = [class_of(bit.register) for bit in self._netlist.bits]
        registers = [bit.register for bit in self._netlist.bits]
        places = [place for place, name in enumerate(classes) if name in DATA]
        if self.steady:
            places = [place for place in places if SUMS.match(registers[place])]
        chosen = self.some_constant(m, range(len(places)), "chosen")
        flip, struck = Signal(), Signal()
        m.d.comb += flip.eq(self.anything(1, "strikes") & ~struck)
        m.d.sync += struck.eq(struck | flip)
        fault = Signal(len(classes))
        m.d.comb += [fault[place].eq(flip & (chosen == n)) for n, place in enumerate(places)]
        self._chosen = {}
        for name in [SUMS_IN_MEMORY] if self.steady else DATAPATH:
            numbers = [n for n, place in enumerate(places) if self.steady or classes[place] == name]
            self._chosen[name.replace("-", "_")] = chosen.matches(*numbers)
        return fault


def _rtlil_of(netlist: FaultyNetlist) -> str:
    with tempfile.TemporaryDirectory(prefix="weft-formal-") as folder:
        (Path(folder) / "unit.v").write_text(netlist.verilog)
        run_yosys("read_verilog unit.v", "proc", "write_rtlil unit.il", folder=Path(folder))
        return (Path(folder) / "unit.il").read_text()
