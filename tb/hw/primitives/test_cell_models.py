"""Models of FPGA cells: our own models reject every mode that they do not cover."""

import subprocess

import pytest

from benches.netlist import cell_models
from benches.runner import needs_icarus

# Each block with a model of our own: its family and legal settings; parameters start with p_.
ZERO, ONE = "1'b0", "1'b1"
BLOCKS = {
    "MULT18X18D": (
        "ecp5",
        {"p_REG_OUTPUT_CLK": '"CLK0"', "p_GSR": '"DISABLED"', "CLK0": "clock"}
        | dict.fromkeys(["SIGNEDA", "SIGNEDB", "CE0", "CE1", "CE2", "CE3"], ONE)
        | dict.fromkeys(["SOURCEA", "SOURCEB", "RST0", "RST1", "RST2", "RST3"], ZERO),
    ),
    "DP16KD": (
        "ecp5",
        {"p_GSR": '"DISABLED"', "CLKA": "clock", "CLKB": "clock"}
        | dict.fromkeys(["WEA", "WEB", "RSTA", "RSTB"], ZERO)
        | dict.fromkeys(["CSA0", "CSA1", "CSA2", "CSB0", "CSB1", "CSB2"], ZERO),
    ),
    "SB_RAM40_4K": ("ice40", {"RCLK": "clock", "WCLK": "clock", "WE": ZERO}),
    "MULT18X18": (
        "gowin",
        {"A": "{18{clock}}", "ASEL": ZERO, "BSEL": ZERO, "ASIGN": ONE, "BSIGN": ONE},
    ),
    "SDPX9B": (
        "gowin",
        {"CLKA": "clock", "CLKB": "clock", "BLKSELA": "3'b0", "BLKSELB": "3'b0"}
        | dict.fromkeys(["RESETA", "RESETB"], ZERO),
    ),
    "DPB": (
        "gowin",
        {"CLKA": "clock", "CLKB": "clock", "BLKSELA": "3'b0", "BLKSELB": "3'b0"}
        | dict.fromkeys(["RESETA", "RESETB", "WREB"], ZERO),
    ),
}
# A block, one illegal setting, and the message of its model.
REFUSED = [
    ("MULT18X18D", {"RST2": ONE}, "RST is not modelled"),
    ("MULT18X18D", {"SOURCEB": ONE}, "shifted operands"),
    ("MULT18X18D", {"SIGNEDA": "1'bx"}, "signedness"),
    ("MULT18X18D", {"p_REG_INPUTA_CLK": '"CLK1"'}, "unknown clock CLK1"),
    ("MULT18X18D", {"p_REG_INPUTA_CE": '"CE4"'}, "unknown clock enable CE4"),
    ("MULT18X18D", {"p_REG_INPUTC_CLK": '"CLK0"'}, "operand C"),
    ("MULT18X18D", {"p_GSR": '"ENABLED"'}, "GSR"),
    ("MULT18X18D", {"p_MULT_BYPASS": '"ENABLED"'}, "MULT_BYPASS"),
    ("DP16KD", {"WEB": ONE}, "port B"),
    ("DP16KD", {"RSTB": ONE}, "RST is not modelled"),
    ("DP16KD", {"CSB1": ONE}, "not selected"),
    ("DP16KD", {"CLKB": "~clock"}, "two clocks"),
    ("DP16KD", {"p_DATA_WIDTH_B": "9"}, "two widths"),
    ("DP16KD", {"p_REGMODE_B": '"REG"'}, "REG"),
    ("DP16KD", {"p_CSDECODE_A": '"0b111"'}, "selection"),
    ("DP16KD", {"p_INITVAL_3F": "1"}, "contents"),
    ("SB_RAM40_4K", {"WCLK": "~clock"}, "two clocks"),
    ("SB_RAM40_4K", {"p_INIT_F": "1"}, "contents"),
    ("MULT18X18", {"ASEL": ONE}, "shifted operands"),
    ("MULT18X18", {"BSIGN": "1'bx"}, "signedness"),
    ("MULT18X18", {"p_PIPE_REG": ONE}, "registers"),
    ("SDPX9B", {"BLKSELB": "3'b1"}, "selection"),
    ("SDPX9B", {"p_READ_MODE": ONE}, "output register"),
    ("SDPX9B", {"p_BIT_WIDTH_1": "9"}, "two widths"),
    ("SDPX9B", {"p_INIT_RAM_3F": "1"}, "contents"),
    ("DPB", {"WREB": ONE}, "second write port"),
    ("DPB", {"CLKB": "~clock"}, "two clocks"),
]
NOT_REFUSED = [(block, {}, "") for block in BLOCKS]


@pytest.mark.parametrize("block, changed, sentence", [*REFUSED, *NOT_REFUSED])
def test_models_reject_what_they_do_not_cover(tmp_path, block, changed, sentence):
    needs_icarus()
    family, given = BLOCKS[block]
    given = given | changed
    parameters = [f".{name[2:]}({given[name]})" for name in given if name.startswith("p_")]
    ports = [f".{name}({given[name]})" for name in given if not name.startswith("p_")]
    (tmp_path / "top.v").write_text(
        "module top;\n  reg clock = 0;\n  always #5 clock = ~clock;\n  initial #30 $finish;\n"
        f"  {block} #({', '.join(parameters)}) block ({', '.join(ports)});\nendmodule\n"
        + cell_models(family)
    )
    build = ["iverilog", "-g2012", "-s", "top", "-o", "top.vvp", "top.v"]
    subprocess.run(build, cwd=tmp_path, check=True)
    ran = subprocess.run(["vvp", "-n", "top.vvp"], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode != 0) == bool(sentence), ran.stdout
    assert sentence in ran.stdout
