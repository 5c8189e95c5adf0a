"""A model of the cells of bfloat16 units in C++, which Verilator can use instead of their RTL."""

import dataclasses
import itertools
import re
from pathlib import Path

from weft.array.chained_arithmetic import ChainedArithmetic
from weft.array.float_cell import FloatCell, SoftFloatCell
from weft.emit.verilog import Design
from weft.matrix.config import MatrixUnitConfig

CELLS = (FloatCell.__name__, SoftFloatCell.__name__)
HEADER = Path(__file__).with_name("float_cell.h")


def modelled(design: Design, config: MatrixUnitConfig) -> Design:
    """Return a design whose float cells call the functions of HEADER, in SystemVerilog.

    Their outputs are the same, in every bit and cycle; their adders are not there.
    """
    assert isinstance(config.arithmetic, ChainedArithmetic)
    body = _body(config.arithmetic)
    components = design.hierarchy.components
    cells = [module for module, component in components.items() if component in CELLS]
    assert cells, "the design has no float cells"
    verilog = design.verilog
    for module in cells:
        known = rf"(?ms)^(module {re.escape(module)} \(.*?^\);\n).*?^endmodule\n"
        verilog, count = re.subn(known, lambda found: found[1] + body, verilog)
        assert count == 1, f"the Verilog has {count} modules {module}"
    return dataclasses.replace(design, verilog=verilog)


def _body(arithmetic: ChainedArithmetic) -> str:
    """Return the contents of a cell, below its ports."""
    passed = ["shadow", *(f"passed_{n}" for n in range(1, arithmetic.row_latency))]
    products = [f"product_{n}" for n in range(1, arithmetic.multiplier_stages + 1)]
    sums = [f"sum_{n}" for n in range(1, arithmetic.row_latency + 1)]
    product = '$cpure64("weft_product(", activation, ", ", weight, ")")'
    last = products[-1] if products else product
    moves = [
        ("activation", "activation_in"),
        *zip(products, [product, *products], strict=False),
        *zip(sums[1:], sums, strict=False),
    ]
    operands = ", ".join(["activation", "weight", *passed])
    # All copies of a weight are equal once no load has come for as long as it takes to pass.
    passing = len(passed) - 1
    return "\n".join(
        [
            f"  reg [{arithmetic.activation.width - 1}:0] {operands};",
            f"  reg [{passing - 1}:0] loaded;",
            *(f"  reg [63:0] {name};" for name in products),
            f"  reg [31:0] {', '.join(sums)};",
            "  assign activation_out = activation;",
            f"  assign weight_out = {passed[-1]};",
            f"  assign sum_out = {sums[-1]};",
            "  always @(posedge clk) begin",
            "    if (row_loads) if (load) shadow <= weight_in;",
            "    if (row_switches) if (switch) weight <= shadow;",
            f'    sum_1 <= $cpure32("weft_float_add(", sum_in, ", ", {last}, ")");',
            *(f"    {later} <= {earlier};" for later, earlier in moves),
            f"    loaded <= {{loaded[{passing - 2}:0], row_loads}};",
            "    if (|loaded) begin",
            *(f"      {later} <= {earlier};" for earlier, later in itertools.pairwise(passed)),
            "    end",
            "  end",
            "endmodule\n",
        ]
    )
