"""Cost of the array alone, per multiply-accumulate per cycle."""

import tempfile
from pathlib import Path

from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig
from weft_sim.yosys import count_cells

from .families import FAMILIES, count

TOP = "weft_array"


def array_cost(config: MatrixUnitConfig, family: str) -> dict[str, float]:
    """Return the LUTs, flip-flops and multipliers per multiply-accumulate of an array alone.

    Raises
    ------
    ToolMissing, YosysFailed
    """
    tools = FAMILIES[family]
    array = config.array
    design = make_design(TOP, array.component, family=family, **array.parameters)
    with tempfile.TemporaryDirectory(prefix="weft-cells-") as folder:
        (Path(folder) / "array.v").write_text(design.verilog)
        synthesis = f"{tools.synthesis} -top {TOP}"
        cells = count_cells("read_verilog array.v", synthesis, folder=Path(folder))
    products = config.rows * config.columns
    return {
        "lut": count(cells, tools.luts) / products,
        "ff": count(cells, tools.flip_flops) / products,
        "dsp": count(cells, tools.multipliers) / products,
    }
