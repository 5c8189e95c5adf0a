"""Boards: clocks that the PLLs can make, pins of the boards, and the top design of each."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pyosys
import pytest

from weft.boards import BOARDS, TOP_MODULE, BoardTop, board_named
from weft.boards.clocks import pll_for
from weft.emit.verilog import make_design
from weft.host_link import MatrixUnitHost
from weft.matrix.config import MatrixUnitConfig
from weft_cli.lint import findings

# Commands that assign a port to a pin in the constraints of each family.
PLACES = re.compile(r"LOCATE COMP|set_io|IO_LOC|set_property LOC")
OPEN = [board for board in BOARDS.values() if board.family != "xc7"]


def by_name(boards):
    return pytest.mark.parametrize("board", boards, ids=lambda board: board.name)


# Family, input and output in MHz, formula of the vendor for the output, range of the oscillator.
CLOCKS = {
    "ecp5": ("ecp5", 25, 150, lambda p: 25 * p.multiply / p.divide, (400, 800)),
    "ice40": ("ice40", 12, 30, lambda p: 12 * p.multiply / p.divide / p.post_divide, (533, 1066)),
    "gowin": ("gowin", 27, 81, lambda p: 27 * p.multiply / p.divide, (400, 1200)),
    "xc7": ("xc7", 100, 150, lambda p: 100 * p.multiply / p.divide / p.post_divide, (800, 1600)),
}


@pytest.mark.parametrize("family, given, wanted, output, oscillator", CLOCKS.values(), ids=CLOCKS)
def test_clock(family, given, wanted, output, oscillator):
    pll = pll_for(family, given * 1_000_000, wanted * 1_000_000)
    assert pll.hz == wanted * 1_000_000
    assert output(pll) == pytest.approx(wanted)
    low, high = oscillator
    inside = wanted * pll.post_divide
    assert low <= inside <= high


# The PLL tools of the open flows, patterns for the factors in their output, and offsets to ours;
# None is for a power of two. The tool of Gowin takes the slowest oscillator, so its last factor
# differs.
TOOLS = {
    "ecp5": (
        ("yowasp-ecppll", "-i", "25", "-o", "100"),
        (r"Refclk divisor: (\d+)", r"Feedback divisor: (\d+)", r"clkout0 divisor: (\d+)"),
        (0, 0, 0),
    ),
    "ice40": (
        ("yowasp-icepll", "-i", "12", "-o", "24"),
        (r"DIVR: +(\d+)", r"DIVF: +(\d+)", r"DIVQ: +(\d+)"),
        (1, 1, None),
    ),
    "gowin": (
        ("gowin_pll", "-d", "GW1NR-9 C6/I5", "-i", "27", "-o", "54"),
        (r"\.IDIV_SEL\((\d+)", r"\.FBDIV_SEL\((\d+)"),
        (1, 1),
    ),
}


@pytest.mark.parametrize("family", TOOLS)
def test_factors_are_those_of_the_tools(family):
    command, patterns, more = TOOLS[family]
    program = Path(sys.executable).with_name(command[0])
    ran = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True)
    numbers = [int(re.search(pattern, ran.stdout + ran.stderr)[1]) for pattern in patterns]
    factors = [
        1 << n if extra is None else n + extra for n, extra in zip(numbers, more, strict=True)
    ]
    wanted, given = (int(command[command.index(flag) + 1]) * 1_000_000 for flag in ("-o", "-i"))
    pll = pll_for(family, given, wanted)
    assert [pll.divide, pll.multiply, pll.post_divide][: len(factors)] == factors


def test_a_clock_near_enough_is_reported_exactly():
    pll = pll_for("ecp5", 25_000_000, 137_000_000)
    assert pll.hz == 137_500_000 == 25_000_000 * pll.multiply / pll.divide


def test_a_clock_out_of_reach_is_refused():
    with pytest.raises(ValueError, match="cannot make 3 MHz from 12 MHz: the nearest is 8"):
        pll_for("ice40", 12_000_000, 3_000_000)


def test_an_input_clock_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"must be 19 to 450 MHz, .* not 10 MHz"):
        pll_for("xc7", 10_000_000, 100_000_000)


def test_an_unknown_board_is_refused_with_the_list():
    with pytest.raises(ValueError, match="no board 'de10'; the boards are ulx3s-85f, icebreaker"):
        board_named("de10")


@by_name(OPEN)
def test_narrow_operands_share_a_block_where_they_can(board):
    wide = dataclasses.replace(board.config, activation="int10")
    by_luts = board.family == "ice40"
    products = board.multipliers_for(wide, wide.arithmetic)
    assert products == (None if by_luts else board.multiplier_blocks)
    products = board.multipliers_for(board.config, board.config.arithmetic)
    assert products == board.multiplier_blocks * board.multipliers_per_block


@by_name(BOARDS.values())
def test_design_has_a_clock_a_reset_and_a_serial_line(board):
    small = MatrixUnitConfig(rows=2, columns=2, accumulator_depth=16)
    top = BoardTop(board, small, round(board.clock_mhz * 1e6), board.baud)
    platform = board.make_platform()
    platform.add_file("host.v", top.host_design().verilog)
    files = platform.prepare(top, name=TOP_MODULE).files
    pins = next(
        text if isinstance(text, str) else text.decode()
        for name, text in files.items()
        if name.endswith((".lpf", ".pcf", ".cst", ".xdc"))
    )
    placed = [line for line in pins.splitlines() if PLACES.match(line)]
    assert len(placed) == 5
    for port in ("__rx", "__tx", "led_0", "led_1", platform.default_clk):
        assert sum(port in line for line in placed) == 1, f"{port} must have one pin"
    source = next(files[name] for name in files if name in (f"{TOP_MODULE}.il", f"{TOP_MODULE}.v"))
    primitive = {"ecp5": "EHXPLLL", "ice40": "SB_PLL40_PAD", "gowin": "rPLL", "xc7": "PLLE2_BASE"}
    text = source if isinstance(source, str) else source.decode()
    assert primitive[board.family] in text
    assert "weft_host" in text

    verilog = top.host_design().verilog
    blocks = {"ecp5": ("MULT18X18D", "DP16KD"), "ice40": ("SB_MAC16",)}
    for family, named in blocks.items():
        for block in named:
            assert (block in verilog) == (board.family == family), block


CELLS = Path(pyosys.__file__).parent / "share"
# Models of the hard blocks, from Yosys.
LIBRARIES = {
    "ecp5": [CELLS / "ecp5" / "cells_bb.v", CELLS / "ecp5" / "cells_sim.v"],
    "ice40": [CELLS / "ice40" / "cells_sim.v"],
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"inner_product": "fast"},
        {"inner_product": "packed", "activation": "int4", "weight": "int4"},
    ],
    ids=["plain", "fast", "packed"],
)
@by_name(BOARDS.values())
def test_host_lints_clean(board, options, tmp_path):
    """Verilator reports nothing about it next to the models of the hard blocks."""
    config = dataclasses.replace(board.config, rows=4, columns=3, **options)
    design = make_design(
        *("host", MatrixUnitHost),
        family=board.family,
        config=config,
        cycles_per_bit=16,
        clock_hz=16_000_000,
        payload_bytes=board.payload_bytes,
    )
    path = tmp_path / "host.v"
    path.write_text(design.verilog)
    waivers = tmp_path / "library.vlt"
    waivers.write_text(f'`verilator_config\nlint_off -file "{CELLS}/*"\n')
    library = LIBRARIES.get(board.family, [])
    options = f"-I{CELLS / board.family}", "-Wno-SPECIFYIGN", "-Wno-MODDUP"
    assert findings("--top-module", "host", *options, waivers, *library, path) == ""
