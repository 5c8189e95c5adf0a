"""Structure: no output of a unit depends on an input of the same cycle."""

import tempfile
from pathlib import Path

from ..yosys import run_yosys

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
