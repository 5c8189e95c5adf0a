"""Faults: of one flipped bit of data, no wrong result leaves a unit with checksums untold."""

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

# Bits of the memories of sums, which a row meets many cycles after the one before.
SUMS = re.compile(r"accumulators\..*memory\[")
SUMS_IN_MEMORY = "sums-in-memory"
STEADY = ("s_axis_weights_tvalid", "s_axis_activations_tvalid", "m_axis_results_tready")
UNIT = "unit"


class WrongResultsAreTold(Harness):
    """Two units of emitted Verilog that get the same, one of which has any one stored bit of data
    flipped in any one cycle: they differ in nothing but the lanes of results and CORRUPTED, and by
    the time that the unit promises for each result with a lane that differs, CORRUPTED has been
    told. Errors are cleared at any time.

    Which bits are data is what `verify faults` says; memories are made of registers, and each of
    their bits is one that can flip.

    Parameters
    ----------
    places : int
        Rows of the result buffer: fewer than the hardware has, so that they are full soon.
    steady : bool
        Only bits of the memories of sums flip, and no stream pauses: so many cycles can be looked
        at that a sum comes back from there.
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
        # That the twin raises none is proved of fewer cycles.
        alarms = faulty[errors] | twin[errors] if self.steady else faulty[errors]
        if not self.steady:
            alarm = twin[errors] & Error.CORRUPTED.value
            self.prove("no_alarm_without_a_flip", ~alarm.any())
        # Told for a cycle at least, whenever errors are cleared.
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
        self.prove("wrong_results_are_told", ~delayed(m, wrong, latency, "wrong") | corrupted)
        for name, chosen in self._chosen.items():
            self.reach(f"wrong_by_{name}", wrong & chosen)

    def _one_fault(self, m: Module) -> Signal:
        """What flips in this cycle: nothing, or once one of the bits of data, any of them."""
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
