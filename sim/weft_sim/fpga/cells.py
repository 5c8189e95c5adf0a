"""What the array alone takes, for each multiply-accumulate that it does in a cycle."""

import json
import tempfile
from pathlib import Path

from weft.array import SystolicArray
from weft.config import MatrixUnitConfig
from weft.export import to_verilog
from weft.fast_array import FastArray

from ..yosys import run_yosys
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
        shape = config.rows, config.columns
        verilog = to_verilog(TOP, SystolicArray, config, *shape, family=family)
    with tempfile.TemporaryDirectory(prefix="weft-cells-") as folder:
        source, statistics = Path(folder) / "array.v", Path(folder) / "cells.json"
        source.write_text(verilog)
        run_yosys(
            f"read_verilog {source}",
            f"{tools.synthesis} -top {TOP}",
            f"tee -q -o {statistics} stat -json",
        )
        cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    products = config.rows * config.columns
    return {
        "lut": count(cells, tools.luts) / products,
        "ff": count(cells, tools.flip_flops) / products,
        "dsp": count(cells, tools.multipliers) / products,
    }
