"""Faults: synthesis does not merge registers of data with registers of their checks."""

import re

import pytest

from benches.runner import whole_yosys
from verify.faults.classes import DATAPATH, class_of
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig

MERGED = {
    "2x3": MatrixUnitConfig(rows=2, columns=3, accumulator_depth=4, checksum=True),
    "2x2": MatrixUnitConfig(rows=2, columns=2, accumulator_depth=4, checksum=True),
    "4x5 fast": MatrixUnitConfig(
        rows=4, columns=5, accumulator_depth=4, checksum=True, inner_product="fast"
    ),
}
# Registers that may be shared: the pairs of activations of a fast array and the delayed activations
# that check them. The delayed activations have parities, which detect a wrong bit.
WITH_PARITY = re.compile(r"array\.(west\..*\.pair|activations_delay\..*)")


@pytest.mark.parametrize("config", MERGED.values(), ids=MERGED)
def test_synthesis_shares_no_register_between_data_and_checks(config, tmp_path):
    """Synthesis merges registers that are always equal; a flip would be wrong in data and check."""
    (tmp_path / "unit.v").write_text(make_design("unit", AxiMatrixUnit, config=config).verilog)
    whole_yosys(
        f"read_verilog {tmp_path / 'unit.v'}",
        "hierarchy -top unit",
        *("proc", "flatten", "opt_expr", "opt_clean", "memory_collect"),
        "simplemap t:$dff t:$sdff t:$dffe t:$sdffe",
        f"debug tee -o {tmp_path / 'merged.log'} opt_merge",
    )
    log = (tmp_path / "merged.log").read_text()
    merged = set(re.findall(r"output \\Q: \\unit\.(\S+) .* = \\unit\.(\S+)", log))
    assert merged
    for names in merged:
        classes = {class_of(name) for name in names}
        shared = "checksums" in classes and classes & set(DATAPATH)
        assert not shared or all(map(WITH_PARITY.fullmatch, names)), names
