"""Hard blocks of FPGAs in the place of portable hardware: the same to the bit and to the cycle."""

import subprocess

import cocotb
import pytest

import hw.array.test_cell as test_cell
import hw.array.test_row as test_row
import hw.matrix.test_accumulators as test_accumulators
import hw.matrix.test_results as test_results
from benches.netlist import cell_models
from benches.runner import TIMEOUT, arguments, compare, needs_icarus, play, randomness, start
from hw.array.test_cell import cell
from hw.array.test_row import row
from hw.matrix.test_accumulators import Accumulators, bank
from weft.array.cell import Cell, SoftCell
from weft.array.row import SystolicRow
from weft.array.systolic_array import SystolicArray
from weft.emit.export import to_verilog
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.results import ResultBuffer
from weft.primitives.block_memory import BlockMemory

on_icarus = pytest.mark.parametrize("simulator", ["icarus"], indirect=True)

CELLS = {
    "int16-int16": test_cell.CONFIGS["int16-int16"],
    "uint16-uint16": test_cell.CONFIGS["uint16-uint16"],
    **{f"int8-int8-{stages}": cell("int8", "int8", stages, 1) for stages in range(5)},
    **{f"int16-uint16-{stages}": cell("int16", "uint16", stages, 2) for stages in range(4)},
}
ROWS = {
    "1-uint16": test_row.ROWS["1-uint16"],
    "4-uint8-uint8": row(4, activation="uint8", weight="uint8", multiplier_stages=3),
    "5-uint8-int8": row(5, activation="uint8", weight="int8"),
    "2-int8-uint8": row(2, activation="int8", weight="uint8"),
    "3-int5-uint3": row(3, activation="int5", weight="uint3", multiplier_stages=2),
    "3-int1-uint8": row(3, activation="int1", weight="uint8"),
    "4-uint9": row(4, activation="uint9"),
}
BANKS = {
    "1": bank(1, 32, 2),
    "7": bank(7, 8, 3),
    "512": bank(512, 32, 2, 2),
    "1024": bank(1024, 20, 2),
    "1025": bank(1025, 18, 1),
    "2048": bank(2048, 64, 2, 3, activation="int16", weight="int16", rows=256),
    "4096": bank(4096, 32, 1),
}


@on_icarus
@pytest.mark.parametrize("config", CELLS.values(), ids=CELLS)
def test_cell_of_ecp5(simulate, config):
    simulate([test_cell.passes_on_and_multiplies], Cell, config, family="ecp5")


@on_icarus
@pytest.mark.parametrize("depth", [32, 33, 35, 64, 67])
def test_results_of_ecp5(simulate, depth):
    """Memories of LUTs, as many as the rows need, in the place of one."""
    coroutines = [
        test_results.gives_every_row_at_full_speed,
        test_results.gives_every_row_under_any_ready,
        test_results.holds_as_many_rows_as_it_is_deep,
        test_results.is_empty_after_reset,
    ]
    config = MatrixUnitConfig(columns=3, accumulator_width=20)
    simulate(coroutines, ResultBuffer, config, depth, family="ecp5")


@on_icarus
@pytest.mark.parametrize("config, columns", ROWS.values(), ids=ROWS)
def test_row_of_ice40(simulate, config, columns):
    coroutines = [test_row.passes_on_and_multiplies, test_row.passes_over_a_row_at_rest]
    simulate(coroutines, SystolicRow, config, columns, family="ice40")


@pytest.mark.large
@on_icarus
@pytest.mark.parametrize("config", test_cell.CONFIGS.values(), ids=test_cell.CONFIGS)
def test_every_cell_of_ecp5(simulate, config):
    simulate([test_cell.passes_on_and_multiplies], Cell, config, family="ecp5")


@pytest.mark.large
@on_icarus
@pytest.mark.parametrize("config, columns", test_row.ROWS.values(), ids=test_row.ROWS)
def test_every_row_of_ice40(simulate, config, columns):
    coroutines = [test_row.passes_on_and_multiplies, test_row.passes_over_a_row_at_rest]
    simulate(coroutines, SystolicRow, config, columns, family="ice40")


@on_icarus
@pytest.mark.parametrize("config", BANKS.values(), ids=BANKS)
def test_accumulators_of_ecp5(simulate, config):
    coroutines = [
        test_accumulators.sums_rows_in_any_order,
        test_accumulators.sums_one_row_in_every_cycle,
        test_accumulators.works_as_new_after_reset,
    ]
    simulate(coroutines, Accumulators, config, family="ecp5")


@on_icarus
@pytest.mark.parametrize("family", [None, "ecp5"])
@pytest.mark.parametrize("width, depth", [(32, 512), (20, 1024), (18, 1025), (64, 2048), (9, 4096)])
def test_block_memory(simulate, family, width, depth):
    simulate([keeps_every_row], BlockMemory, width, depth, family=family)


NARROW = MatrixUnitConfig(columns=5)
MULTIPLIER, PAIR, MEMORY = "MULT18X18D #", "_multiplier_pair multipliers_", "DP16KD #"
COUNTS = {
    "cell": (MULTIPLIER, 1, "ecp5", Cell, NARROW),
    "portable cell": (MULTIPLIER, 0, None, Cell, NARROW),
    "odd row": (PAIR, 3, "ice40", SystolicRow, NARROW, 5),
    "even row": (PAIR, 2, "ice40", SystolicRow, NARROW, 4),
    "wide row": (PAIR, 0, "ice40", SystolicRow, MatrixUnitConfig(weight="int9"), 4),
    "soft row": (PAIR, 1, "ice40", SystolicRow, NARROW, 5, 3),
    "soft cell": (MULTIPLIER, 0, "ecp5", SoftCell, NARROW),
    "soft array": (PAIR, 1, "ice40", SystolicArray, NARROW, 2, 5, 3),
    "row at once": (PAIR, 0, "ice40", SystolicRow, MatrixUnitConfig(multiplier_stages=0), 4),
    "1024 sums": (MEMORY, 2, "ecp5", BlockMemory, 32, 1024),
    "2048 sums": (MEMORY, 4, "ecp5", BlockMemory, 32, 2048),
    "4096 sums": (MEMORY, 0, "ecp5", BlockMemory, 32, 4096),
}


@pytest.mark.parametrize("case", COUNTS.values(), ids=COUNTS)
def test_blocks_stand_where_they_fit(case):
    """What the benches above compare is a block, and portable hardware where none fits."""
    block, count, family, component, *arguments = case
    assert to_verilog("top", component, *arguments, family=family).count(block) == count


# Of each block whose model is ours: its family and what keeps it working, p_ before a parameter.
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
# What a block is given instead, one thing at a time, and what its model says then.
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
def test_models_refuse_what_they_do_not_cover(tmp_path, block, changed, sentence):
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


@cocotb.test(**TIMEOUT)
async def keeps_every_row(dut):
    """Each row holds a number of its own, in whatever order rows are written and read."""
    width, depth = arguments()
    source = randomness()
    await start(dut)
    expected = {}
    for _ in range(2):
        rows = source.sample(range(depth), depth)
        new = {row: source.getrandbits(width) for row in rows}
        writes = [{"write": 1, "write_row": row, "i": new[row]} for row in rows]
        # What is not written must not come in.
        writes += [{"write": 0, "write_row": row, "i": source.getrandbits(width)} for row in rows]
        await play(dut, writes, [])
        expected |= new
        rows = source.sample(range(depth), depth)
        reads = [{"write": 0, "read_row": row} for row in rows] + [{}] * BlockMemory.latency
        trace = await play(dut, reads, ["o"])
        compare("o", trace["o"][BlockMemory.latency :], [expected[row] for row in rows])
