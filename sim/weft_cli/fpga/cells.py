"""What the array alone takes, for each multiply-accumulate that it does in a cycle."""

import tempfile
from pathlib import Path

from weft.array.fast_array import FastArray
from weft.array.systolic_array import SystolicArray, shape_of
from weft.emit.export import to_verilog
from weft.matrix.config import MatrixUnitConfig
from weft_sim.yosys import count_cells

from .families import FAMILIES, count

TOP = "weft_array"


def array_cost(config: MatrixUnitConfig, family: str) -> dict[str, float]:
    """LUTs, flip-flops and multipliers per multiply-accumulate of an array without its edges.

    Raises
    ------
    ToolMissing, YosysFailed
    """
    tools = FAMILIES[family]
    if config.inner_product == "fast":
        verilog = to_verilog(TOP, FastArray, config, family=family)
    else:
        verilog = to_verilog(TOP, SystolicArray, config, *shape_of(config), family=family)
    with tempfile.TemporaryDirectory(prefix="weft-cells-") as folder:
        (Path(folder) / "array.v").write_text(verilog)
        synthesis = f"{tools.synthesis} -top {TOP}"
        cells = count_cells("read_verilog array.v", synthesis, folder=Path(folder))
    products = config.rows * config.columns
    return {
        "lut": count(cells, tools.luts) / products,
        "ff": count(cells, tools.flip_flops) / products,
        "dsp": count(cells, tools.multipliers) / products,
    }
