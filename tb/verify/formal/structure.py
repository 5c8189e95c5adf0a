"""Structure: paths between inputs, registers and outputs of a unit, independent of time."""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

from weft_sim.yosys import run_yosys

from ..faults.netlist import FaultyNetlist

# Cells at which a combinational path ends.
REGISTERS = "$dff,$dffe,$sdff,$sdffe,$sdffce"


def assert_no_path(verilog: str, top: str) -> None:
    """Check that there is no combinational path from an input to an output.

    Then `valid` never depends on `ready`, and units can be connected in any way without a
    combinational loop.

    Raises
    ------
    YosysFailed
        If there is a path.
    """
    with tempfile.TemporaryDirectory(prefix="weft-structure-") as folder:
        (Path(folder) / "unit.v").write_text(verilog)
        run_yosys(
            "read_verilog unit.v",
            f"hierarchy -check -top {top}",
            "proc",
            "flatten",
            # Map memories to registers and gates, because an asynchronous read is also a path.
            "memory -nordff",
            "opt_clean",
            f"select -set reached i:* %coe*:-{REGISTERS}",
            "select -assert-none o:* @reached %i",
            folder=Path(folder),
        )


def reached_by_faults(netlist: FaultyNetlist, top: str) -> list[set[str]]:
    """Return, for each bit of a netlist, the outputs that its flip may ever change: `tdata[3]`.

    Every gate and register is assumed to pass on a change of any input, so all other outputs can
    never change.
    """
    with tempfile.TemporaryDirectory(prefix="weft-structure-") as folder:
        (Path(folder) / "unit.v").write_text(netlist.verilog)
        gates = ("proc", "techmap", "simplemap", "opt_expr", "opt_clean")
        commands = ("read_verilog unit.v", *gates, "write_json unit.json")
        run_yosys(*commands, folder=Path(folder))
        module = json.loads((Path(folder) / "unit.json").read_text())["modules"][top]
    behind: dict[int, set[int]] = defaultdict(set)
    for cell in module["cells"].values():
        wires = {"input": set(), "output": set()}
        for port, bits in cell["connections"].items():
            wires[cell["port_directions"][port]] |= {bit for bit in bits if isinstance(bit, int)}
        for wire in wires["output"]:
            behind[wire] |= wires["input"]

    outputs = [
        (f"{name}[{number}]", wire)
        for name, port in module["ports"].items()
        if port["direction"] == "output"
        for number, wire in enumerate(port["bits"])
    ]
    # One mask bit per output, propagated backwards until nothing changes.
    reaches: dict[int, int] = defaultdict(int)
    for number, (_, wire) in enumerate(outputs):
        reaches[wire] |= 1 << number
    edge = list(reaches)
    while edge:
        wire = edge.pop()
        for source in behind.get(wire, ()):
            if reaches[wire] & ~reaches[source]:
                reaches[source] |= reaches[wire]
                edge.append(source)
    faults = (reaches[wire] for wire in module["ports"]["fault"]["bits"])
    return [{name for n, (name, _) in enumerate(outputs) if mask >> n & 1} for mask in faults]
