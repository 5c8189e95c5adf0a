"""Faults: of one flipped bit of data, no wrong result leaves a unit with checksums untold."""

import tempfile
from pathlib import Path

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal

from weft.axi import port_documentation
from weft.config import MatrixUnitConfig
from weft.export import emit
from weft.layouts import Error
from weft.matrix_unit import MatrixUnit

from ..faults.classes import DATAPATH, class_of
from ..faults.netlist import FaultyNetlist, with_faults
from ..yosys import run_yosys
from .harness import Harness, delayed
from .narrow import few_places

# The classes of stored bits that can flip; all others are control, or count cycles.
DATA = (*DATAPATH, "checksums")
UNIT = "unit"


class WrongResultsAreTold(Harness):
    """Two units of emitted Verilog that get the same, one of which has any one stored bit of data
    flipped in any one cycle: they differ in nothing but the lanes of results, and each result with
    a lane that differs is followed by CORRUPTED in time.

    Which bits are data is what `weft faults` says; memories are made of registers, and each of
    their bits is one that can flip.

    Parameters
    ----------
    places : int
        Rows of the result buffer: fewer than the hardware has, so that they are full soon.
    """

    def __init__(self, config: MatrixUnitConfig, places: int):
        super().__init__()
        self.config = config
        self.places = places

    def rtlil(self) -> str:
        with few_places(self.places):
            verilog = emit(self.config, UNIT).verilog
        self._netlist = with_faults(verilog, UNIT)
        return _rtlil_of(self._netlist) + super().rtlil()

    def describe(self, m: Module) -> None:
        fault = self._one_fault(m)
        given = {"aclk": ClockSignal(), "aresetn": ~ResetSignal(), "clear_errors": 0}
        ports = port_documentation(self.config)
        for port, (direction, width, _) in ports.items():
            if direction == "input" and port not in given:
                given[port] = self.anything(width, port)
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
        corrupted = (faulty[errors] & Error.CORRUPTED.value).any()
        others = (faulty[errors] ^ twin[errors]) & (~Error.CORRUPTED).value
        same = ~others.any() & (~twin[valid] | (faulty[end] == twin[end]))
        for port in valid, "s_axis_weights_tready", "s_axis_activations_tready":
            same &= faulty[port] == twin[port]
        self.prove("all_but_data_is_the_same", same)

        transfer = twin[valid] & given["m_axis_results_tready"]
        wrong = transfer & (faulty[data] != twin[data])
        latency = MatrixUnit.check_latency_of(self.config)
        self.prove("wrong_results_are_told", ~delayed(m, wrong, latency, "wrong") | corrupted)
        for name, chosen in self._chosen.items():
            self.reach(f"wrong_by_{name}", wrong & chosen)

    def _one_fault(self, m: Module) -> Signal:
        """What flips in this cycle: nothing, or once one of the bits of data, any of them."""
        classes = [class_of(bit.register) for bit in self._netlist.bits]
        places = [place for place, name in enumerate(classes) if name in DATA]
        chosen = self.some_constant(m, range(len(places)), "chosen")
        flip, struck = Signal(), Signal()
        m.d.comb += flip.eq(self.anything(1, "strikes") & ~struck)
        m.d.sync += struck.eq(struck | flip)
        fault = Signal(len(classes))
        m.d.comb += [fault[place].eq(flip & (chosen == n)) for n, place in enumerate(places)]
        self._chosen = {}
        for name in DATAPATH:
            numbers = [n for n, place in enumerate(places) if classes[place] == name]
            self._chosen[name.replace("-", "_")] = chosen.matches(*numbers)
        return fault


def _rtlil_of(netlist: FaultyNetlist) -> str:
    with tempfile.TemporaryDirectory(prefix="weft-formal-") as folder:
        (Path(folder) / "unit.v").write_text(netlist.verilog)
        run_yosys("read_verilog unit.v", "proc", "write_rtlil unit.il", folder=Path(folder))
        return (Path(folder) / "unit.il").read_text()
