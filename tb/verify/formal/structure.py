"""Structure: what can reach what in a unit, whatever its size and however long it runs."""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

from weft_sim.yosys import run_yosys

from ..faults.netlist import FaultyNetlist

# Where a cycle ends.
REGISTERS = "$dff,$dffe,$sdff,$sdffe,$sdffce"


def assert_no_path(verilog: str, top: str) -> None:
    """Follow every input through all that is not a register, and find no output.

    So `valid` waits for no `ready`, and units can be connected in any way without a loop.

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
            # As registers and gates: a memory that is read within a cycle is a path.
            "memory -nordff",
            "opt_clean",
            f"select -set reached i:* %coe*:-{REGISTERS}",
            "select -assert-none o:* @reached %i",
            folder=Path(folder),
        )


def reached_by_faults(netlist: FaultyNetlist, top: str) -> list[set[str]]:
    """Of each bit of a netlist the outputs that a flip can ever change, such as `tdata[3]`.

    Every gate and register passes on what changes at any of its inputs: what is not told of here
    never changes.
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
    # One bit for each output, against the stream until nothing is new.
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
